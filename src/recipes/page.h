// The parts that every report page is made of: head, charts, answers, facts.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recipes/chart.h"

namespace r1 {

/// A figure of the strip on top: a value, what it is, and the numbers behind it.
struct Headline {
  std::string value, label, note;
};

/// One problem and what models answered to it.
struct SampleCard {
  struct Answer {
    std::string when;  // the model, or "step 0"
    std::string text;
    bool correct = false;
    bool format_ok = false;
    double reward = 0;
  };
  std::string problem, answer;
  std::vector<Answer> answers;
};

using Facts = std::vector<std::pair<std::string, std::string>>;

/// Everything up to the title of the page, its machine line and its command; and the end.
std::string open_page(const std::string& title, const std::string& subtitle,
                      const std::string& machine, const std::string& command);
std::string close_page();

/// A section with a heading; nothing when the body is empty.
std::string section(std::string_view id, std::string_view heading, const std::string& body);

/// A table whose first column names its rows; wide ones scroll. is_dense: with less room between
/// its columns.
std::string html_table(const std::string& caption, const std::vector<std::string>& head,
                       const std::vector<std::vector<std::string>>& rows, bool is_dense = false);

/// The strip of figures, the charts in a grid (they share a budget of points, so that the page
/// stays small), and name-value pairs.
std::string headline_strip(const std::vector<Headline>& headlines);
std::string chart_grid(const std::vector<Chart>& charts);
std::string fact_list(const Facts& facts);

/// What a model wrote: the thought dim, the rest plain, the middle of a long part left out.
std::string answer_text(std::string_view completion);

/// A card a problem: what was answered to it, side by side.
std::string sample_cards(const std::vector<SampleCard>& samples);

}  // namespace r1
