// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/html.h"

#include "common/base/strings.h"

namespace seccompd::agent::html {
namespace {

// Two palettes by custom properties; a table becomes cards below 40em.
constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#57606a;--line:#d0d7de;--card:#f6f8fa;
--good:#116329;--warn:#7d4e00;--bad:#a40e26;--link:#0550ae}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--soft:#9da7b1;--line:#30363d;
--card:#161b22;--good:#57d364;--warn:#e3b341;--bad:#ff9492;--link:#79c0ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;color:var(--fg);background:var(--bg);
font:1rem/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:1.75rem 0 .5rem}
p{margin:.25rem 0;color:var(--soft)}a{color:var(--link)}nav a{margin-right:1rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(11rem,1fr));gap:.5rem;margin:1rem 0}
dl div{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.5rem .7rem}
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-weight:600}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;
border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--soft);font-weight:600;font-size:.85rem}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}.warn,.bad{font-weight:600}
@media(max-width:40em){thead{position:absolute;clip-path:inset(50%);height:1px;overflow:hidden}
tr{display:block;background:var(--card);border:1px solid var(--line);border-radius:.4rem;
margin:.5rem 0;padding:.3rem .2rem}td{display:flex;gap:.6rem;border:0;padding:.15rem .6rem}
td::before{content:attr(data-t);flex:0 0 6rem;color:var(--soft);font-size:.85rem;font-weight:400}
td:empty{display:none}}
)";

std::string Class(std::string_view tone) {
  return tone.empty() ? std::string() : " class=\"" + std::string(tone) + "\"";
}

}  // namespace

std::string Text(std::string_view text) {
  std::string out;
  for (const char c : base::Printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Table(const std::vector<std::string_view>& titles, const std::vector<Row>& rows) {
  std::string out = "<table><thead><tr>";
  for (const std::string_view title : titles) out += "<th scope=col>" + Text(title) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (const Row& row : rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size() && i < titles.size(); ++i) {
      out += "<td data-t=\"" + Text(titles[i]) + "\"" + Class(row[i].tone) + ">" +
             Text(row[i].text) + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string Facts(const std::vector<std::pair<std::string_view, Cell>>& facts) {
  std::string out = "<dl>\n";
  for (const auto& [name, value] : facts) {
    out += "<div><dt>" + Text(name) + "</dt><dd" + Class(value.tone) + ">" + Text(value.text) +
           "</dd></div>\n";
  }
  return out + "</dl>\n";
}

std::string Document(std::string_view title, std::string_view body) {
  return "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
         "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
         "<meta name=robots content=noindex><title>" +
         Text(title) + "</title><style>" + std::string(kStyle) + "</style></head><body>\n" +
         std::string(body) + "</body></html>\n";
}

}  // namespace seccompd::agent::html
