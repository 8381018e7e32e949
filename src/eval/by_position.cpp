#include "eval/by_position.h"

#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace r1 {
namespace {

std::optional<double> number(const Problem& problem, const char* column) {
  const auto it = problem.columns.find(column);
  if (it == problem.columns.end()) return std::nullopt;
  const char* const end = it->second.data() + it->second.size();
  double value = 0;
  const auto [stop, error] = std::from_chars(it->second.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::vector<PositionAccuracy> accuracy_by_position(std::span<const Problem> problems,
                                                   std::span<const Episode> episodes) {
  std::map<std::pair<int64_t, double>, PositionAccuracy> cells;
  for (const Episode& e : episodes) {
    const Problem& problem = problems[static_cast<size_t>(e.problem)];
    const auto length = number(problem, "length"), depth = number(problem, "depth");
    if (!length || !depth || std::abs(*length) > 1e15) continue;
    const int64_t tokens = std::llround(*length);
    PositionAccuracy& cell = cells[{tokens, *depth}];
    cell.length = tokens;
    cell.depth = *depth;
    ++cell.n_samples;
    cell.n_right += !e.score.parts.empty() && e.score.parts[0].second >= 1.0;
  }
  std::vector<PositionAccuracy> positions;
  for (const auto& [key, cell] : cells) positions.push_back(cell);
  return positions;
}

std::string describe(const std::vector<PositionAccuracy>& positions) {
  std::set<double> depths;
  std::set<int64_t> lengths;
  for (const PositionAccuracy& p : positions) depths.insert(p.depth), lengths.insert(p.length);
  std::string table = "length \\ depth";
  for (const double depth : depths) table += fmt::format(" {:>7.3g}", depth);
  for (const int64_t length : lengths) {
    table += fmt::format("\n{:>14}", length);
    for (const double depth : depths) {
      std::string cell = "–";
      for (const PositionAccuracy& p : positions) {
        if (p.length == length && p.depth == depth) cell = fmt::format("{:.3f}", p.accuracy());
      }
      table += fmt::format(" {:>7}", cell);
    }
  }
  return table;
}

std::string positions_to_json(const std::vector<PositionAccuracy>& positions) {
  auto list = nlohmann::ordered_json::array();
  for (const PositionAccuracy& p : positions) {
    list.push_back(
        {{"length", p.length}, {"depth", p.depth}, {"n", p.n_samples}, {"accuracy", p.accuracy()}});
  }
  return list.dump();
}

}  // namespace r1
