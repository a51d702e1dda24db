// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace seccompd::agent {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : std::uint8_t { kJson, kText };

// One key and its value in a log line. Never a credential, a profile body or a pod's environment.
struct LogField {
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, std::int64_t number)
      : key(name), value(std::to_string(number)), is_number(true) {}

  std::string_view key;
  std::string value;
  bool is_number = false;
};
using LogFields = std::initializer_list<LogField>;

// Structured log on stderr: one line an event, `msg` a constant, what varies in fields. Levels by
// consequence: error = we failed at our duty, warning = unexpected but handled, info = a state
// changed, debug = detail. Only agent/ logs. Values are escaped, so that a name cannot forge a
// line.
class Log {
 public:
  Log(LogLevel level, LogFormat format);
  ~Log();
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;

  void Debug(std::string_view message, LogFields fields = {}) const;
  void Info(std::string_view message, LogFields fields = {}) const;
  void Warning(std::string_view message, LogFields fields = {}) const;
  void Error(std::string_view message, LogFields fields = {}) const;

 private:
  void Write(LogLevel level, std::string_view message, LogFields fields) const;

  std::unique_ptr<spdlog::logger> logger_;
  LogFormat format_;
};

// The part of a line after timestamp and level, in either format. Pure, for tests.
std::string FormatLogLine(LogFormat format, std::string_view message, LogFields fields);

}  // namespace seccompd::agent
