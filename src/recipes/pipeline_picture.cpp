// The stages as boxes with arrows: columns by depth where there is room, one below the other on
// narrow screens.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/pipeline_page.h"

namespace r1 {
namespace {

// Units of the viewBox.
constexpr double kBoxWidth = 160, kBoxHeight = 62, kColumnGap = 38, kRowGap = 16, kPassing = 12;
constexpr double kNarrowWidth = 360, kNarrowBox = 58, kNarrowGap = 10, kGutter = 84;

/// A stage, or a place where an arrow passes a column between two stages.
struct Node {
  const StageFacts* stage = nullptr;
  size_t column = 0;
  std::vector<size_t> from;  // nodes of the column before
  double y = 0, order = 0;

  double height() const { return stage ? kBoxHeight : kPassing; }
};

bool is_eval(const StageFacts& s) { return s.stage->verb == "eval"; }

/// Inputs without repetition, in the order of the recipe.
std::vector<size_t> inputs_of(const PipelineFacts& facts, const StageFacts& stage) {
  std::vector<size_t> inputs;
  for (size_t i = 0; i < facts.stages.size(); ++i) {
    const auto& names = stage.stage->inputs;
    if (std::find(names.begin(), names.end(), facts.stages[i].stage->name) != names.end())
      inputs.push_back(i);
  }
  return inputs;
}

/// As early as inputs allow; what only feeds a later stage stands right before it.
std::vector<size_t> columns_of(const PipelineFacts& facts) {
  const size_t n = facts.stages.size();
  std::vector<size_t> column(n, 0);
  std::vector<size_t> latest(n, n);
  for (size_t i = 0; i < n; ++i) {
    for (const size_t from : inputs_of(facts, facts.stages[i]))
      column[i] = std::max(column[i], column[from] + 1);
  }
  for (size_t i = n; i-- > 0;) {
    if (is_eval(facts.stages[i])) continue;
    if (latest[i] < n) column[i] = latest[i];
    for (const size_t from : inputs_of(facts, facts.stages[i]))
      latest[from] = std::min(latest[from], column[i] - 1);
  }
  return column;
}

/// All nodes; an arrow over several columns passes a node in each of them.
std::vector<Node> nodes_of(const PipelineFacts& facts) {
  const std::vector<size_t> column = columns_of(facts);
  std::vector<Node> nodes;
  std::map<size_t, size_t> node_of;
  for (size_t i = 0; i < facts.stages.size(); ++i) {
    if (is_eval(facts.stages[i])) continue;
    node_of[i] = nodes.size();
    nodes.push_back({&facts.stages[i], column[i], {}, 0, 0});
  }
  std::map<std::pair<size_t, size_t>, size_t> passing;  // source, column: arrows share their way
  for (const auto& [i, node] : std::map(node_of)) {
    for (const size_t from : inputs_of(facts, facts.stages[i])) {
      if (!node_of.contains(from)) continue;
      size_t last = node_of[from];
      for (size_t c = column[from] + 1; c < column[i]; ++c) {
        const auto [it, is_new] = passing.emplace(std::pair(from, c), nodes.size());
        if (is_new) nodes.push_back({nullptr, c, {last}, 0, 0});
        last = it->second;
      }
      nodes[node].from.push_back(last);
    }
  }
  return nodes;
}

/// One below the other in the order of the list, as near as that is to where each wants to be.
void stack(std::vector<Node>& nodes, const std::vector<size_t>& list) {
  double y = 0, shift = 0;
  for (const size_t i : list) {
    nodes[i].y = y;
    shift += nodes[i].order - (y + nodes[i].height() / 2);
    y += nodes[i].height() + kRowGap;
  }
  for (const size_t i : list) nodes[i].y += shift / static_cast<double>(list.size());
}

/// Columns are sorted by where their inputs are, a few times over; returns the height.
double place(std::vector<Node>& nodes) {
  size_t n_columns = 0;
  for (const Node& node : nodes) n_columns = std::max(n_columns, node.column + 1);
  std::vector<std::vector<size_t>> columns(n_columns);
  for (size_t i = 0; i < nodes.size(); ++i) columns[nodes[i].column].push_back(i);
  std::vector<std::vector<size_t>> to(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const size_t from : nodes[i].from) to[from].push_back(i);
  }
  double height = 0;
  for (int sweep = 0; sweep < 8; ++sweep) {
    for (size_t at = 0; at < n_columns; ++at) {
      std::vector<size_t>& list = columns[sweep % 2 == 0 ? at : n_columns - 1 - at];
      for (const size_t i : list) {
        const std::vector<size_t>& near = sweep % 2 == 0 ? nodes[i].from : to[i];
        double sum = 0;
        for (const size_t j : near) sum += nodes[j].y + nodes[j].height() / 2;
        nodes[i].order = near.empty() ? nodes[i].y + nodes[i].height() / 2
                                      : sum / static_cast<double>(near.size());
      }
      std::stable_sort(list.begin(), list.end(),
                       [&](size_t a, size_t b) { return nodes[a].order < nodes[b].order; });
      stack(nodes, list);
    }
  }
  double top = 1e9;
  for (const Node& node : nodes) top = std::min(top, node.y);
  for (Node& node : nodes) {
    node.y -= top;
    height = std::max(height, node.y + node.height());
  }
  return height;
}

std::string text_at(double x, double y, const std::string& attributes, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>", x, y, attributes,
                     escape_html(text));
}

std::string figures(const StageFacts& s) {
  std::string text = s.stage->verb;
  if (s.steps > 0) text += " · " + std::to_string(s.steps) + " steps";
  return text;
}

/// What it took, or how far it is; beside the score of a model there is room for the time alone.
std::string more_figures(const StageFacts& s, bool has_score) {
  if (s.state != StageState::kDone) return state_word(s.state);
  std::string text = s.seconds < 0.1 ? "" : human_seconds(s.seconds);
  if (std::isfinite(s.tokens) && !has_score)
    text += (text.empty() ? "" : " · ") + compact_text(s.tokens) + " tokens";
  return text.empty() ? "done" : text;
}

/// Squeezed into the room that there is when it is longer.
std::string name_at(double x, double y, double room, std::string attributes,
                    const std::string& name) {
  const double about = 7.6 * static_cast<double>(text_columns(name));
  if (about > room) {
    attributes += fmt::format(" textLength=\"{:.0f}\" lengthAdjust=\"spacingAndGlyphs\"", room);
  }
  return text_at(x, y, attributes, name);
}

/// done: a full line; begun: accent ground; not yet: a thin dashed line. A model that is measured
/// has its pass@1 as a number and as a bar at the foot.
std::string box(const PipelineFacts& facts, const StageFacts& s, double x, double y, double width,
                double height, size_t columns) {
  const bool is_done = s.state == StageState::kDone, is_begun = s.state == StageState::kStarted;
  std::string tip = s.stage->name + " (" + s.stage->verb + "), ";
  tip += state_word(s.state);
  if (!s.stage->title.empty()) tip += ": " + s.stage->title;
  std::string svg = "<g><title>" + escape_html(tip) + "</title>";
  svg += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"9\" fill=\"{}\" "
      "stroke=\"{}\" stroke-width=\"{}\"{}/>",
      x, y, width, height, is_begun ? "var(--accent-soft)" : "var(--page)",
      is_done || is_begun ? "var(--accent)" : "var(--ink2)", is_done || is_begun ? 1.6 : 1,
      is_done ? "" : " stroke-dasharray=\"5 4\"");
  std::string ink = is_done || is_begun ? "fill=\"var(--ink)\"" : "fill=\"var(--ink2)\"";
  const ModelFacts* m = facts.measured(&s);
  const double line = (height - 12) / 3, inner = width - 22;
  svg += name_at(x + 11, y + line + 1, inner, ink + " font-weight=\"650\"", s.stage->name);
  svg += text_at(x + 11, y + 2 * line + 1, "fill=\"var(--ink2)\" font-size=\"11\"",
                 cut_text(figures(s), columns));
  svg += text_at(x + 11, y + 3 * line + 1, "fill=\"var(--ink2)\" font-size=\"11\"",
                 cut_text(more_figures(s, m), columns));
  if (m) {
    const double share = std::clamp(m->summary().pass_at_1, 0.0, 1.0);
    svg += text_at(x + width - 11, y + 3 * line + 1,
                   "fill=\"var(--accent)\" font-weight=\"650\" text-anchor=\"end\"",
                   percent_text(share));
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"2.6\" rx=\"1.3\" "
        "fill=\"var(--accent)\"/>",
        x + 11, y + height - 5.4, std::max(1.5, inner * share));
  }
  return svg + "</g>";
}

std::string frame(const char* name, double width, double height, const std::string& label,
                  const std::string& body) {
  return fmt::format(
      "<svg class=\"chart {0}\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-2 -2 {1:.0f} "
      "{2:.0f}\" role=\"img\" aria-label=\"{3}\" "
      "font-family=\"system-ui,-apple-system,'Segoe UI',sans-serif\" font-size=\"12.5\">"
      "<defs><marker id=\"tip-{0}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
      "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0.8L8 4L0 7.2Z\" fill=\"var(--ink2)\"/>"
      "</marker></defs>{4}</svg>\n",
      name, width + 4, height + 4, escape_html(label), body);
}

std::string wide_picture(const PipelineFacts& facts, const std::string& label) {
  std::vector<Node> nodes = nodes_of(facts);
  double height = place(nodes);
  size_t n_columns = 1;
  for (const Node& node : nodes) n_columns = std::max(n_columns, node.column + 1);
  const double step = kBoxWidth + kColumnGap;
  const double width = static_cast<double>(n_columns) * step - kColumnGap;
  const auto left = [&](const Node& n) { return static_cast<double>(n.column) * step; };
  const auto middle = [](const Node& n) { return n.y + n.height() / 2; };
  std::string lines, boxes;
  for (const Node& node : nodes) {
    for (const size_t i : node.from) {
      const Node& from = nodes[i];
      const double x0 = left(from) + kBoxWidth, y0 = middle(from), x1 = left(node),
                   y1 = middle(node), bend = kColumnGap * 0.55;
      lines += fmt::format(
          "<path d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}{}\" fill=\"none\" "
          "stroke=\"var(--ink2)\" stroke-opacity=\".65\" stroke-width=\"1.3\"{}/>",
          x0, y0, x0 + bend, y0, x1 - bend, y1, x1 - (node.stage ? 2 : 0), y1,
          node.stage ? "" : fmt::format("H{:.1f}", x1 + kBoxWidth),
          node.stage ? " marker-end=\"url(#tip-wide)\"" : "");
    }
    if (node.stage) boxes += box(facts, *node.stage, left(node), node.y, kBoxWidth, kBoxHeight, 25);
  }
  for (const StageFacts& stage : facts.stages) {
    if (!is_eval(stage)) continue;
    const double y = height + 26;
    const size_t n = inputs_of(facts, stage).size();
    lines +=
        fmt::format("<path d=\"M0 {0:.1f}H{1:.1f}\" stroke=\"var(--grid)\"/>", height + 13, width);
    boxes += box(facts, stage, 0, y, kBoxWidth, kBoxHeight, 25);
    std::string what = stage.stage->title;
    if (n > 0) what += fmt::format("{}measures {} stages", what.empty() ? "" : " · ", n);
    boxes += text_at(kBoxWidth + 18, y + kBoxHeight / 2 + 4, "fill=\"var(--ink2)\"", what);
    height = y + kBoxHeight;
  }
  return frame("wide", width, height, label, lines + boxes);
}

/// A stage a row; arrows run in the gutter, the farther the wider.
std::string narrow_picture(const PipelineFacts& facts, const std::string& label) {
  const double step = kNarrowBox + kNarrowGap;
  std::string lines, boxes;
  for (size_t i = 0; i < facts.stages.size(); ++i) {
    const StageFacts& stage = facts.stages[i];
    const double y = static_cast<double>(i) * step;
    boxes += box(facts, stage, kGutter, y, kNarrowWidth - kGutter, kNarrowBox, 40);
    if (is_eval(stage)) continue;  // it takes all of them
    for (const size_t from : inputs_of(facts, stage)) {
      const double distance = static_cast<double>(i - from);
      const double bulge = kGutter - 2 - std::min(kGutter - 14, 8 + 9 * distance) * 1.25;
      const double y0 = static_cast<double>(from) * step + kNarrowBox * 0.66,
                   y1 = y + kNarrowBox * 0.34;
      lines += fmt::format(
          "<path d=\"M{0:.1f} {1:.1f}C{2:.1f} {1:.1f} {2:.1f} {3:.1f} {4:.1f} {3:.1f}\" "
          "fill=\"none\" stroke=\"var(--ink2)\" stroke-opacity=\".65\" stroke-width=\"1.2\" "
          "marker-end=\"url(#tip-narrow)\"/>",
          kGutter, y0, bulge, y1, kGutter - 2);
    }
  }
  const double height = static_cast<double>(facts.stages.size()) * step - kNarrowGap;
  return frame("narrow", kNarrowWidth, height, label, lines + boxes);
}

std::string legend_of(const PipelineFacts& facts) {
  if (facts.models.empty()) return "";
  return "<p class=\"legend\">A box is a stage, an arrow what it takes from another. The "
         "percentage "
         "and the bar: how many of the held-out problems its model solves.</p>\n";
}

}  // namespace

std::string pipeline_picture(const PipelineFacts& facts) {
  std::string label = "Stages: ";
  for (const StageFacts& s : facts.stages) {
    label += s.stage->name + " (" + s.stage->verb;
    for (size_t i = 0; i < s.stage->inputs.size(); ++i)
      label += (i == 0 ? " from " : ", ") + s.stage->inputs[i];
    label += std::string("; ") + state_word(s.state) + "). ";
  }
  return "<figure class=\"pipeline\">" + wide_picture(facts, label) + narrow_picture(facts, label) +
         "</figure>\n" + legend_of(facts);
}

}  // namespace r1
