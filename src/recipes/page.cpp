#include "recipes/page.h"

#include <fmt/core.h>

#include <algorithm>

#include "recipes/html.h"
#include "recipes/report_css.h"

namespace r1 {
namespace {

constexpr size_t kPagePoints = 6000;  // of all charts together: about 66 KB of paths
constexpr size_t kPartHead = 1200, kPartTail = 600;
constexpr std::string_view kThinkOpen = "<think>", kThinkClose = "</think>";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Escaped; of a long text head and tail, with a word about what is between.
std::string part(std::string_view text) {
  if (text.size() <= kPartHead + kPartTail) return escape_html(text);
  size_t head = kPartHead, tail = text.size() - kPartTail;
  while (head > 0 && is_continuation(text[head])) --head;
  while (tail < text.size() && is_continuation(text[tail])) ++tail;
  return fmt::format("{}<span class=\"gap\"> … {} bytes left out … </span>{}",
                     escape_html(text.substr(0, head)), tail - head,
                     escape_html(text.substr(tail)));
}

}  // namespace

std::string open_page(const std::string& title, const std::string& subtitle,
                      const std::string& machine, const std::string& command) {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; img-src data:\"/>\n"
      "<link rel=\"icon\" "
      "href=\"data:,\"/>\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
      escape_html(title), report_css());
  page += "<header>\n<h1>" + escape_html(title) + "</h1>\n";
  if (!subtitle.empty()) page += "<p class=\"lead\">" + escape_html(subtitle) + "</p>\n";
  if (!command.empty())
    page += "<p class=\"command\"><code>" + escape_html(command) + "</code></p>\n";
  if (!machine.empty()) page += "<p class=\"machine\">" + escape_html(machine) + "</p>\n";
  return page + "</header>\n";
}

std::string close_page() {
  return "<footer>Written by r1. One file: no scripts, nothing loaded from outside.</footer>\n"
         "</main>\n</body>\n</html>\n";
}

std::string section(std::string_view id, std::string_view heading, const std::string& body) {
  if (body.empty()) return "";
  return fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n",
                     id, escape_html(heading), body);
}

std::string html_table(const std::string& caption, const std::vector<std::string>& head,
                       const std::vector<std::vector<std::string>>& rows, bool is_dense) {
  std::string html = "<div class=\"scroll\" role=\"region\" aria-label=\"" + escape_html(caption) +
                     "\" tabindex=\"0\">\n<table" + (is_dense ? " class=\"dense\"" : "") +
                     ">\n<caption>" + escape_html(caption) + "</caption>\n<thead><tr>";
  for (const std::string& name : head) html += "<th scope=\"col\">" + escape_html(name) + "</th>";
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    html += "<tr><th scope=\"row\">" + escape_html(row[0]) + "</th>";
    for (size_t c = 1; c < row.size(); ++c) html += "<td>" + escape_html(row[c]) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n</div>\n";
}

std::string headline_strip(const std::vector<Headline>& headlines) {
  if (headlines.empty()) return "";
  // of six or more three stand in a row
  std::string html =
      headlines.size() > 5 ? "<dl class=\"strip story\">\n" : "<dl class=\"strip\">\n";
  for (const Headline& h : headlines) {
    html +=
        fmt::format("<div><dt>{}</dt><dd class=\"value\">{}</dd><dd class=\"note\">{}</dd></div>\n",
                    escape_html(h.label), escape_html(h.value), escape_prose(h.note));
  }
  return html + "</dl>\n";
}

std::string chart_grid(const std::vector<Chart>& charts) {
  size_t n_series = 0;
  for (const Chart& chart : charts) n_series += chart.series.size();
  if (n_series == 0) return "";
  ChartDetail detail;
  detail.max_points = std::clamp<size_t>(kPagePoints / n_series, 20, 400);
  detail.max_tooltips = std::clamp<size_t>(detail.max_points / 10, 4, 40);
  std::string html = "<div class=\"grid\">\n";
  for (const Chart& chart : charts) html += "<figure>" + render_svg(chart, detail) + "</figure>\n";
  return html + "</div>\n";
}

std::string fact_list(const Facts& facts) {
  if (facts.empty()) return "";
  std::string html = "<dl class=\"facts\">\n";
  for (const auto& [name, value] : facts) {
    html +=
        fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_html(name), escape_html(value));
  }
  return html + "</dl>\n";
}

std::string answer_text(std::string_view completion) {
  const size_t close = completion.find(kThinkClose);
  const bool is_thought =
      close != std::string_view::npos || completion.find(kThinkOpen) != std::string_view::npos;
  const size_t end = close != std::string_view::npos ? close + kThinkClose.size()
                     : is_thought                    ? completion.size()
                                                     : 0;
  std::string html = "<p class=\"text\">";
  if (end > 0) html += "<span class=\"thought\">" + part(completion.substr(0, end)) + "</span>";
  return html + part(completion.substr(end)) + "</p>\n";
}

}  // namespace r1
