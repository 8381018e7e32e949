// The answer of r1 plan: figures in sections, each with the formula and the numbers that it came
// from.
#pragma once

#include <string>
#include <vector>

namespace r1 {

/// One number. formula and numbers read as "value = formula = numbers"; an input has neither.
struct Figure {
  double value = 0;
  std::string text = {};  // as a person reads it
  std::string formula = {}, numbers = {}, source = {};
  bool given = false;  // an input, or stated by a source: not computed here
};

struct Row {
  std::string key, label;
  std::vector<Figure> cells;  // one a column; may be fewer
};

struct Section {
  std::string key, title;
  std::vector<std::string> columns;  // names for JSON and, if there are several, for the header
  std::vector<Row> rows;
  std::vector<std::string> notes;
};

/// Columns for a terminal; explain: under each row how its figures came about.
std::string sheet_text(const std::vector<Section>& sections, bool explain);
/// {"section": {"row": value or {"column": value}}}; explain: each value is an object with its
/// formula, numbers and source.
std::string sheet_json(const std::vector<Section>& sections, bool explain);

/// 671,026,419,200
Figure exact(int64_t n);
/// 14.8T, 37.6B: three digits.
Figure rounded(double n);
/// 250G, 3.71Y
Figure flop(double n);
Figure bytes(double n);
Figure percent(double share);
Figure times(double factor);
Figure dollars(double n);
Figure hours(double n);
Figure days(double n);
Figure seconds(double n);

Figure because(Figure figure, std::string formula, std::string numbers, std::string source = "");
Figure given(Figure figure, std::string source);

/// Three significant digits: 2.66M.
std::string short_count(double n);

}  // namespace r1
