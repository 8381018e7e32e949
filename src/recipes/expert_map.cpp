#include "recipes/expert_map.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "recipes/chart_plot.h"
#include "recipes/html.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostRecords = 2000, kMostColumns = 60, kMostLayers = 6, kMostExperts = 4096;
constexpr double kMapHeight = 150, kScaleRoom = 34, kAxisRoom = 32;
constexpr int kShades = 10;

/// Numbers in rows and columns, and how to name them.
struct Grid {
  std::string title, note, x_label, y_label, x_first, x_last;
  size_t n_rows = 0, n_columns = 0;
  std::vector<double> ratios = {};  // (rows, columns) load over mean
  bool names_cells = false;         // each cell answers to the mouse
};

Result<LoadRecord> parse_record(std::string_view text) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object() || !line.contains("step") || !line.contains("loads")) {
    return fail("not an object with step and loads");
  }
  LoadRecord record;
  if (!line["step"].is_number_integer()) return fail("'step' takes a whole number");
  record.step = line["step"].get<int64_t>();
  if (!line["loads"].is_array()) return fail("'loads' takes a list of lists");
  for (const Json& layer : line["loads"]) {
    if (!layer.is_array() || layer.size() > kMostExperts) {
      return fail("'loads' takes a list of lists");
    }
    std::vector<int64_t>& loads = record.loads.emplace_back();
    for (const Json& load : layer) {
      if (!load.is_number_unsigned() || load.get<uint64_t>() > (uint64_t{1} << 53)) {
        return fail("'loads' takes numbers of rows");
      }
      loads.push_back(load.get<int64_t>());
    }
  }
  return record;
}

/// At least one layer, and all layers of all records with as many experts.
bool fits(const LoadRecord& record, const std::vector<LoadRecord>& earlier) {
  if (record.loads.empty() || record.loads[0].empty()) return false;
  const size_t n = earlier.empty() ? record.loads[0].size() : earlier[0].loads[0].size();
  return std::all_of(record.loads.begin(), record.loads.end(),
                     [n](const auto& loads) { return loads.size() == n; });
}

/// A step that trains no modules of multi-token prediction has fewer layers.
void keep_common_layers(std::vector<LoadRecord>& records) {
  size_t n = records.empty() ? 0 : records[0].loads.size();
  for (const LoadRecord& record : records) n = std::min(n, record.loads.size());
  for (LoadRecord& record : records) record.loads.resize(n);
}

/// Loads of one layer, added up over records [begin, end), as ratios to their mean.
std::vector<double> ratios_of(const std::vector<LoadRecord>& records, size_t layer, size_t begin,
                              size_t end) {
  std::vector<double> sums(records[0].loads[layer].size(), 0.0);
  for (size_t i = begin; i < end; ++i) {
    for (size_t e = 0; e < sums.size(); ++e) {
      sums[e] += static_cast<double>(records[i].loads[layer][e]);
    }
  }
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  for (double& s : sums) s = total > 0 ? s * static_cast<double>(sums.size()) / total : 1.0;
  return sums;
}

Grid final_grid(const std::vector<LoadRecord>& records) {
  const size_t n = records.size(), last = std::max<size_t>(1, n / 10);
  Grid grid{
      .title = "Load of each expert at the end",
      .note = fmt::format("mean of steps {} to {}", records[n - last].step, records.back().step),
      .x_label = "expert",
      .y_label = "layer",
      .x_first = "0",
      .x_last = std::to_string(records[0].loads[0].size() - 1),
      .names_cells = true};
  grid.n_rows = records[0].loads.size(), grid.n_columns = records[0].loads[0].size();
  for (size_t layer = 0; layer < grid.n_rows; ++layer) {
    const std::vector<double> row = ratios_of(records, layer, n - last, n);
    grid.ratios.insert(grid.ratios.end(), row.begin(), row.end());
  }
  return grid;
}

Grid layer_grid(const std::vector<LoadRecord>& records, size_t layer) {
  Grid grid{.title = fmt::format("Load over the run, expert layer {}", layer),
            .note = "one row an expert",
            .x_label = "step",
            .y_label = "expert",
            .x_first = std::to_string(records.front().step),
            .x_last = std::to_string(records.back().step)};
  grid.n_rows = records[0].loads[layer].size();
  grid.n_columns = std::min(kMostColumns, records.size());
  grid.ratios.resize(grid.n_rows * grid.n_columns);
  for (size_t c = 0; c < grid.n_columns; ++c) {
    const size_t begin = records.size() * c / grid.n_columns;
    const size_t end = records.size() * (c + 1) / grid.n_columns;
    const std::vector<double> column = ratios_of(records, layer, begin, end);
    for (size_t e = 0; e < grid.n_rows; ++e) grid.ratios[e * grid.n_columns + c] = column[e];
  }
  return grid;
}

/// -kShades: no rows at all; 0: the mean; kShades: twice the mean or more.
int shade_of(double ratio) {
  return static_cast<int>(std::lround(std::clamp(ratio - 1, -1.0, 1.0) * kShades));
}

std::string fill_of(int shade) {
  const char* colour = shade > 0 ? "var(--s2,#b45309)" : "var(--s3,#4f5fc4)";
  return fmt::format("fill=\"{}\" fill-opacity=\"{:.2f}\"", colour,
                     std::abs(shade) / static_cast<double>(kShades));
}

std::string text_at(double x, double y, const char* anchor, std::string_view text) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"var(--ink2,#6b6f76)\" text-anchor=\"{}\">{}</text>",
      x, y, anchor, escape_html(text));
}

/// Five samples of the colours, from an idle expert to one with twice its share.
std::string colour_scale(double y) {
  std::string svg;
  const std::pair<int, const char*> samples[] = {
      {-kShades, "0"}, {-kShades / 2, "½"}, {0, "1 (mean)"}, {kShades / 2, "1½"}, {kShades, "2×"}};
  double x = 0;
  for (const auto& [shade, name] : samples) {
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"10\" {} "
        "stroke=\"var(--grid,#e3e3df)\"/>",
        x + 0.5, y - 9, fill_of(shade));
    svg += text_at(x + 19, y, "start", name);
    x += 32 + text_width(name);
  }
  return svg;
}

/// Where the cells lie, in units of the viewBox.
struct Frame {
  double left = 30, right = kChartWidth - 8, top = kTitleRoom + kScaleRoom - 16;
  double width, height;  // of a cell

  explicit Frame(const Grid& grid)
      : width((right - left) / static_cast<double>(grid.n_columns)),
        height(kMapHeight / static_cast<double>(grid.n_rows)) {}
  double x(size_t column) const { return left + width * static_cast<double>(column); }
  double y(size_t row) const { return top + height * static_cast<double>(row); }
};

/// One path for each colour.
std::string draw_cells(const Grid& grid, const Frame& frame) {
  std::vector<std::string> paths(2 * kShades + 1);
  for (size_t r = 0; r < grid.n_rows; ++r) {
    for (size_t c = 0; c < grid.n_columns; ++c) {
      const int shade = shade_of(grid.ratios[r * grid.n_columns + c]);
      paths[shade + kShades] += fmt::format("M{:.1f} {:.1f}h{:.2f}v{:.2f}h{:.2f}z", frame.x(c),
                                            frame.y(r), frame.width, frame.height, -frame.width);
    }
  }
  std::string svg;
  for (int shade = -kShades; shade <= kShades; ++shade) {
    const std::string& path = paths[shade + kShades];
    if (path.empty() || shade == 0) continue;
    svg += fmt::format("<path d=\"{}\" {}/>", path, fill_of(shade));
  }
  return svg;
}

/// The ratio in each cell of a small map: where all are near the mean no colour shows.
std::string draw_ratios(const Grid& grid, const Frame& frame) {
  std::string svg;
  if (frame.width < 28 || frame.height < 14) return svg;
  for (size_t i = 0; grid.names_cells && i < grid.ratios.size(); ++i) {
    svg += text_at(frame.x(i % grid.n_columns) + frame.width / 2,
                   frame.y(i / grid.n_columns) + frame.height / 2 + 3.8, "middle",
                   fmt::format("{:.2f}", grid.ratios[i]));
  }
  return svg;
}

/// What each cell says to the mouse.
std::string draw_names(const Grid& grid, const Frame& frame) {
  std::string svg;
  for (size_t i = 0; grid.names_cells && i < grid.ratios.size(); ++i) {
    const size_t row = i / grid.n_columns, column = i % grid.n_columns;
    svg += fmt::format(
        "<rect class=\"hit\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.2f}\" "
        "fill-opacity=\"0\"><title>{} {}, expert {}: {:.2f} of the mean</title></rect>",
        frame.x(column), frame.y(row), frame.width, frame.height, grid.y_label, row, column,
        grid.ratios[i]);
  }
  return svg;
}

std::string draw_axes(const Grid& grid, const Frame& frame) {
  std::string svg = fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"none\" "
      "stroke=\"var(--ink2,#6b6f76)\"/>",
      frame.left, frame.top, frame.right - frame.left, kMapHeight);
  const size_t every = (grid.n_rows + 15) / 16;
  for (size_t r = 0; r < grid.n_rows; r += every) {
    svg += text_at(frame.left - 5, frame.y(r) + frame.height / 2 + 3.8, "end", std::to_string(r));
  }
  const double below = frame.top + kMapHeight + 15;
  return svg + text_at(frame.left, below, "start", grid.x_first) +
         text_at(frame.right, below, "end", grid.x_last) +
         text_at((frame.left + frame.right) / 2, below, "middle", grid.x_label);
}

std::string render(const Grid& grid) {
  const Frame frame(grid);
  const auto [low, high] = std::minmax_element(grid.ratios.begin(), grid.ratios.end());
  const std::string says = fmt::format("{}, {}: from {:.2f} to {:.2f} of the mean load", grid.title,
                                       grid.note, *low, *high);
  std::string svg = fmt::format(
      "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {:.0f}\" "
      "role=\"img\" aria-label=\"{}\" font-family=\"system-ui,-apple-system,'Segoe "
      "UI',sans-serif\" font-size=\"{}\"><style>.hit:hover{{fill-opacity:.25}}</style>",
      kChartWidth, frame.top + kMapHeight + kAxisRoom, escape_html(says), kChartFontSize);
  svg += fmt::format(
      "<text x=\"0\" y=\"13\" font-size=\"13.5\" font-weight=\"650\" "
      "fill=\"var(--ink,#1c1d1f)\">{}</text>",
      escape_html(grid.title));
  svg += text_at(0, 29, "start", grid.note) + colour_scale(frame.top - 12);
  return svg + draw_cells(grid, frame) + draw_ratios(grid, frame) + draw_axes(grid, frame) +
         draw_names(grid, frame) + "</svg>";
}

}  // namespace

Result<std::vector<LoadRecord>> read_loads(const Path& run) {
  const Path path = run / "experts.jsonl";
  std::error_code ignored;
  std::vector<LoadRecord> records;
  if (!std::filesystem::exists(path, ignored)) return records;
  R1_TRY(const MappedFile file, MappedFile::open(path));
  std::string_view text = file.text();
  text = text.substr(0, text.rfind('\n') + 1);  // a line is whole when its newline is there
  const size_t n = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  const size_t every = std::max<size_t>(1, (n + kMostRecords - 1) / kMostRecords);
  for (size_t at = 0, line = 1; at < text.size(); ++line) {
    const size_t end = text.find('\n', at);
    const bool is_wanted = line % every == 0;
    const std::string_view one = text.substr(at, end - at);
    at = end + 1;
    if (!is_wanted) continue;
    auto record = parse_record(one);
    if (record && !fits(*record, records)) record = fail("the number of experts differs");
    if (!record) {
      return fail("{}: line {}: {}; mend or delete the line", path.string(), line,
                  record.error().message);
    }
    records.push_back(std::move(*record));
  }
  keep_common_layers(records);
  return records;
}

std::string expert_maps(const std::vector<LoadRecord>& records) {
  if (records.empty()) return "";
  std::string html = "<div class=\"grid\">\n<figure>" + render(final_grid(records)) + "</figure>\n";
  const size_t n_layers = records[0].loads.size(), n = std::min(n_layers, kMostLayers);
  for (size_t i = 0; i < n; ++i) {
    const size_t layer = n == 1 ? 0 : i * (n_layers - 1) / (n - 1);
    html += "<figure>" + render(layer_grid(records, layer)) + "</figure>\n";
  }
  return html + "</div>\n";
}

}  // namespace r1
