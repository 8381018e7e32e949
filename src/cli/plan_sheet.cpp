#include "cli/plan_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "models/describe.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kGap = 3;  // between columns

/// Characters, of which some have several bytes.
int64_t width_of(const std::string& text) {
  return std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

std::string padded(const std::string& text, int64_t width, bool right) {
  const std::string space(static_cast<size_t>(std::max<int64_t>(0, width - width_of(text))), ' ');
  return right ? space + text : text + space;
}

std::string cell_text(const Figure& f) { return f.given ? f.text + " *" : f.text; }

std::string explanation(const Figure& f, const std::string& column) {
  if (f.formula.empty() && f.source.empty()) return "";
  std::string text = "      ";
  if (!column.empty()) text += column + ": ";
  text += f.text;
  if (f.given) text += " is given";
  if (!f.formula.empty()) text += " = " + f.formula;
  if (!f.numbers.empty()) text += " = " + f.numbers;
  if (!f.source.empty()) text += "   [" + f.source + "]";
  return text + "\n";
}

std::vector<int64_t> column_widths(const Section& s) {
  std::vector<int64_t> widths(s.columns.size(), 0);
  for (size_t i = 0; i < s.columns.size(); ++i) {
    if (s.columns.size() > 1) widths[i] = width_of(s.columns[i]);
    for (const Row& row : s.rows) {
      if (i < row.cells.size()) widths[i] = std::max(widths[i], width_of(cell_text(row.cells[i])));
    }
  }
  return widths;
}

std::string section_text(const Section& s, bool explain) {
  int64_t label = width_of(s.title) - 2;
  for (const Row& row : s.rows) label = std::max(label, width_of(row.label));
  const std::vector<int64_t> widths = column_widths(s);
  std::string text = padded(s.title, label + 2, false);
  for (size_t i = 0; i < s.columns.size() && s.columns.size() > 1; ++i) {
    text += padded(s.columns[i], widths[i] + kGap, true);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  text += "\n";
  for (const Row& row : s.rows) {
    text += "  ";
    text += padded(row.label, label, false);
    for (size_t i = 0; i < row.cells.size(); ++i) {
      text += padded(cell_text(row.cells[i]), widths[i] + kGap, true);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
    for (size_t i = 0; explain && i < row.cells.size(); ++i) {
      text += explanation(row.cells[i], s.columns.size() > 1 ? s.columns[i] : "");
    }
  }
  for (const std::string& note : s.notes) text += "  " + note + "\n";
  return text;
}

/// "hours by FLOPs" -> "hours_by_flops"
std::string json_key(const std::string& column) {
  std::string key;
  for (const char c : column) {
    if (c == '\'') continue;
    key += c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return key;
}

Json value_json(const Figure& f, bool explain) {
  const bool whole = std::abs(f.value) < 9e15 && f.value == std::floor(f.value);
  Json value = whole ? Json(static_cast<int64_t>(f.value)) : Json(f.value);
  if (!std::isfinite(f.value)) value = nullptr;
  if (!explain) return value;
  Json json{{"value", value}, {"text", f.text}, {"given", f.given}};
  if (!f.formula.empty()) json["formula"] = f.formula;
  if (!f.numbers.empty()) json["numbers"] = f.numbers;
  if (!f.source.empty()) json["source"] = f.source;
  return json;
}

/// Three digits and a unit of a thousand times the last.
std::string scaled(double n, std::initializer_list<const char*> units) {
  const auto* unit = units.begin();
  while (std::abs(n) >= 999.5 && unit + 1 != units.end()) n /= 1000, ++unit;
  return fmt::format("{:.{}f}{}", n, n < 9.995 ? 2 : n < 99.95 ? 1 : 0, *unit);
}

}  // namespace

std::string sheet_text(const std::vector<Section>& sections, bool explain) {
  std::string text;
  bool any_given = false;
  for (const Section& s : sections) {
    if (!text.empty()) text += "\n";
    text += section_text(s, explain);
    for (const Row& row : s.rows) {
      any_given |= std::ranges::any_of(row.cells, [](const Figure& f) { return f.given; });
    }
  }
  if (any_given) text += "\n* given or stated by its source; all else follows";
  if (any_given) text += explain ? "\n" : " (--explain shows how)\n";
  return text;
}

std::string sheet_json(const std::vector<Section>& sections, bool explain) {
  Json json = Json::object();
  for (const Section& s : sections) {
    Json& section = json[s.key] = Json::object();
    for (const Row& row : s.rows) {
      if (s.columns.size() == 1 && row.cells.size() == 1) {
        section[json_key(row.key)] = value_json(row.cells[0], explain);
        continue;
      }
      Json& cells = section[json_key(row.key)] = Json::object();
      for (size_t i = 0; i < row.cells.size(); ++i) {
        if (!row.cells[i].text.empty())
          cells[json_key(s.columns[i])] = value_json(row.cells[i], explain);
      }
    }
    if (!s.notes.empty()) section["notes"] = s.notes;
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Figure exact(int64_t n) { return {static_cast<double>(n), with_commas(n)}; }

std::string short_count(double n) { return scaled(n, {"", "K", "M", "B", "T", "Q"}); }

Figure rounded(double n) { return {n, short_count(n)}; }

Figure flop(double n) { return {n, scaled(n, {"", "K", "M", "G", "T", "P", "E", "Z", "Y"})}; }

Figure bytes(double n) { return {n, human_bytes(n)}; }

Figure percent(double share) { return {share, fmt::format("{:.2f} %", 100 * share)}; }

Figure times(double factor) { return {factor, fmt::format("{:.2f} x", factor)}; }

Figure dollars(double n) {
  const std::string text =
      n >= 1e6 ? fmt::format("${:.3f}M", n / 1e6) : "$" + with_commas(std::llround(n));
  return {n, text};
}

Figure hours(double n) {
  return {n, n < 100 ? fmt::format("{:.2f}", n) : with_commas(std::llround(n))};
}

Figure days(double n) { return {n, fmt::format("{:.{}f}", n, n < 10 ? 2 : 1)}; }

Figure seconds(double n) { return {n, n < 10 ? fmt::format("{:.3g} s", n) : human_seconds(n)}; }

Figure because(Figure figure, std::string formula, std::string numbers, std::string source) {
  figure.formula = std::move(formula);
  figure.numbers = std::move(numbers);
  figure.source = std::move(source);
  return figure;
}

Figure given(Figure figure, std::string source) {
  figure.given = true;
  figure.source = std::move(source);
  return figure;
}

}  // namespace r1
