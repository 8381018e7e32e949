#include "train/curriculum.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/random.h"

namespace r1 {

using Json = nlohmann::json;

Result<void> CurriculumConfig::validate() const {
  if (!by.empty() && by != "pass_rate") {
    return fail("curriculum.by is '{}'; it is pass_rate, or empty", by);
  }
  if (!(update > 0 && update <= 1)) {
    return fail("curriculum.update is {}; it must be above 0 and at most 1", update);
  }
  if (!(floor > 0 && floor <= 1)) {
    return fail("curriculum.floor is {}; it must be above 0 and at most 1", floor);
  }
  if (num_problems < 1)
    return fail("curriculum.num_problems is {}; it must be at least 1", num_problems);
  return {};
}

double curriculum_weight(double p, double floor) { return std::max(floor, 4 * p * (1 - p)); }

Curriculum::Curriculum(int64_t n_rows, uint64_t seed, CurriculumConfig config)
    : config_(std::move(config)), seed_(seed), rates_(n_rows, 0.5), asked_(n_rows, false) {}

std::vector<int64_t> Curriculum::draw(int64_t n, const std::vector<bool>& open) {
  std::vector<int64_t> drawn;
  while (static_cast<int64_t>(drawn.size()) < n) {
    Rng rng(seed_, stream_key({static_cast<uint64_t>(Purpose::kCurriculum),
                               static_cast<uint64_t>(n_draws_++)}));
    std::vector<std::pair<double, int64_t>> keys;  // the smallest of Exp(1) / weight come first
    for (size_t row = 0; row < rates_.size(); ++row) {
      const double e = -std::log(1.0 - rng.uniform());
      if (!open[row]) continue;
      keys.emplace_back(e / curriculum_weight(rates_[row], config_.floor),
                        static_cast<int64_t>(row));
    }
    CHECK(!keys.empty(), "a curriculum without an open row");
    const size_t more = std::min(keys.size(), static_cast<size_t>(n) - drawn.size());
    std::partial_sort(keys.begin(), keys.begin() + static_cast<int64_t>(more), keys.end());
    for (size_t i = 0; i < more; ++i) drawn.push_back(keys[i].second);
  }
  return drawn;
}

void Curriculum::learn(int64_t row, double pass_rate) {
  rates_[row] += config_.update * (pass_rate - rates_[row]);
  asked_[row] = true;
}

int64_t Curriculum::n_asked() const { return std::count(asked_.begin(), asked_.end(), true); }

double Curriculum::mean_pass_rate() const {
  double sum = 0;
  for (size_t row = 0; row < rates_.size(); ++row) sum += asked_[row] ? rates_[row] : 0.0;
  return sum / std::max<double>(1.0, static_cast<double>(n_asked()));
}

std::string Curriculum::state() const {
  Json rates = Json::array();
  for (size_t row = 0; row < rates_.size(); ++row) {
    if (asked_[row])
      rates.push_back({row, rates_[row]});  // nlohmann writes the shortest exact text
  }
  return Json{{"n_rows", rates_.size()}, {"n_draws", n_draws_}, {"pass_rates", rates}}.dump();
}

Result<void> Curriculum::resume(const std::string& text) {
  const Json state = Json::parse(text, nullptr, false);
  if (!state.is_object() || state.value("n_rows", size_t{0}) != rates_.size()) {
    return fail(
        "cannot resume the curriculum: the data set has {} rows; resume with the data and the "
        "curriculum that the run began with",
        rates_.size());
  }
  n_draws_ = state.value("n_draws", int64_t{0});
  for (const Json& entry : state.value("pass_rates", Json::array())) {
    const bool is_pair = entry.is_array() && entry.size() == 2 && entry[0].is_number_unsigned() &&
                         entry[1].is_number();
    if (!is_pair || entry[0].get<size_t>() >= rates_.size()) {
      return fail("cannot resume the curriculum: {} is no row and its pass rate", entry.dump());
    }
    rates_[entry[0].get<size_t>()] = entry[1].get<double>();
    asked_[entry[0].get<size_t>()] = true;
  }
  return {};
}

}  // namespace r1
