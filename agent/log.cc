// SPDX-License-Identifier: Apache-2.0
#include "agent/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "common/base/strings.h"

namespace seccompd::agent {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

constexpr const char* kJsonPattern = R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v";

}  // namespace

std::string FormatLogLine(LogFormat format, std::string_view message, LogFields fields) {
  std::string line;
  if (format == LogFormat::kJson) {
    line = "\"msg\":\"" + base::EscapeJson(message) + '"';
    for (const LogField& field : fields) {
      line += ",\"" + base::EscapeJson(field.key) + "\":";
      line += field.is_number ? field.value : '"' + base::EscapeJson(field.value) + '"';
    }
    return line;
  }
  line = base::Printable(message);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    const bool quote = field.value.empty() || field.value.find(' ') != std::string::npos;
    line += quote ? '"' + base::Printable(field.value) + '"' : base::Printable(field.value);
  }
  return line;
}

Log::Log(LogLevel level, LogFormat format)
    : logger_(std::make_unique<spdlog::logger>("seccompd",
                                               std::make_shared<spdlog::sinks::stderr_sink_st>())),
      format_(format) {
  logger_->set_level(ToSpdlog(level));
  logger_->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      format == LogFormat::kJson ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc));
}

Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::Debug(std::string_view message, LogFields fields) const {
  Write(LogLevel::kDebug, message, fields);
}
void Log::Info(std::string_view message, LogFields fields) const {
  Write(LogLevel::kInfo, message, fields);
}
void Log::Warning(std::string_view message, LogFields fields) const {
  Write(LogLevel::kWarning, message, fields);
}
void Log::Error(std::string_view message, LogFields fields) const {
  Write(LogLevel::kError, message, fields);
}

void Log::Write(LogLevel level, std::string_view message, LogFields fields) const {
  if (!logger_->should_log(ToSpdlog(level))) return;
  logger_->log(ToSpdlog(level), FormatLogLine(format_, message, fields));
}

}  // namespace seccompd::agent
