#include "train/prompts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/last_digit.h"

namespace r1 {

using Json = nlohmann::json;

Result<Prompts> Prompts::open(const GrpoConfig& config, const Chat& chat, const RewardSet& rewards,
                              int64_t max_length, ThreadPool& pool) {
  Prompts prompts(config);
  std::vector<Problem> all;
  if (config.data == kLastDigitData) {
    if (!config.curriculum.is_on()) return prompts;
    for (int64_t i = 0; i < config.curriculum.num_problems; ++i)
      all.push_back(last_digit_problem(config.train.seed, false, i));
  } else {
    R1_TRY(all, read_problems(config.data, config.columns));
  }
  R1_TRY(prompts.rows_,
         usable_problems(std::move(all), chat, rewards, max_length, config.data, pool));
  for (const Problem& row : prompts.rows_) prompts.opens_at_.push_back(rewards.opens_at(row));
  const auto n_rows = static_cast<int64_t>(prompts.rows_.size());
  if (*std::min_element(prompts.opens_at_.begin(), prompts.opens_at_.end()) > 0) {
    return fail("{}: no row has a reward from the first step on; let one have from_step_ratio = 0",
                config.data);
  }
  if (config.curriculum.is_on()) {
    prompts.curriculum_.emplace(n_rows, config.train.seed, config.curriculum);
  } else {
    prompts.cursor_.emplace(n_rows, config.train.seed);
  }
  return prompts;
}

/// Rows whose time has not come are passed over.
int64_t Prompts::next_row(double run_share) {
  int64_t row = cursor_->next();
  while (opens_at_[row] > run_share) row = cursor_->next();
  return row;
}

PromptBatch Prompts::next(double run_share) {
  PromptBatch batch;
  if (curriculum_) {
    std::vector<bool> open;
    for (double at : opens_at_) open.push_back(at <= run_share);
    batch.rows = curriculum_->draw(batch_size_, open);
  }
  while (cursor_ && static_cast<int64_t>(batch.rows.size()) < batch_size_) {
    batch.rows.push_back(next_row(run_share));
  }
  for (int64_t row : batch.rows) batch.problems.push_back(rows_[row]);
  while (static_cast<int64_t>(batch.rows.size()) < batch_size_) {
    batch.problems.push_back(last_digit_problem(seed_, false, n_made_++));
    batch.rows.push_back(-1);
  }
  return batch;
}

std::vector<Problem> Prompts::fixed(int64_t n) const {
  if (is_built_in_) return held_out_last_digit_problems(seed_, 0, n);
  return {rows_.begin(), rows_.begin() + std::min<std::ptrdiff_t>(n, std::ssize(rows_))};
}

std::string Prompts::state() const {
  if (curriculum_) return curriculum_->state();
  if (!cursor_) return Json{{"made", n_made_}}.dump();
  return Json{{"epoch", cursor_->epoch()}, {"position", cursor_->position()}}.dump();
}

Result<void> Prompts::resume(const std::string& text) {
  if (curriculum_) return curriculum_->resume(text);
  const Json state = Json::parse(text, nullptr, false);
  if (!state.is_object()) return fail("cannot resume: the checkpoint's state is not JSON");
  if (!cursor_) {
    n_made_ = state.value("made", int64_t{0});
    return {};
  }
  return cursor_->resume(state.value("epoch", int64_t{0}), state.value("position", int64_t{0}));
}

}  // namespace r1
