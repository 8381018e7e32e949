#include "train/prompts.h"

#include <nlohmann/json.hpp>

#include "data/last_digit.h"

namespace r1 {

using Json = nlohmann::json;

Result<Prompts> Prompts::open(const GrpoConfig& config, const Chat& chat, const RewardSet& rewards,
                              int64_t max_length, ThreadPool& pool) {
  Prompts prompts(config);
  if (config.data == kLastDigitData) return prompts;
  R1_TRY(std::vector<Problem> all, read_problems(config.data, config.columns));
  R1_TRY(prompts.rows_,
         usable_problems(std::move(all), chat, rewards, max_length, config.data, pool));
  prompts.cursor_.emplace(static_cast<int64_t>(prompts.rows_.size()), config.train.seed);
  return prompts;
}

std::vector<Problem> Prompts::next(int64_t step) {
  std::vector<Problem> problems;
  for (int64_t i = 0; i < batch_size_; ++i) {
    problems.push_back(cursor_ ? rows_[cursor_->next()]
                               : last_digit_problem(seed_, false, step * batch_size_ + i));
  }
  return problems;
}

std::string Prompts::state() const {
  if (!cursor_) return "{}";
  return Json{{"epoch", cursor_->epoch()}, {"position", cursor_->position()}}.dump();
}

Result<void> Prompts::resume(const std::string& text) {
  if (!cursor_) return {};
  const Json state = Json::parse(text, nullptr, false);
  return cursor_->resume(state.value("epoch", int64_t{0}), state.value("position", int64_t{0}));
}

}  // namespace r1
