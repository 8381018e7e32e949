#include "train/few_shot.h"

#include "base/random.h"

namespace r1 {
namespace {

std::string question_of(const Problem& problem) {
  for (auto m = problem.messages.rbegin(); m != problem.messages.rend(); ++m) {
    if (m->role == "user") return m->content;
  }
  return problem.messages.empty() ? "" : problem.messages.back().content;
}

}  // namespace

Result<FewShot> FewShot::open(const Path& jsonl, int n_shots, uint64_t seed) {
  if (n_shots < 1) return fail("n_shots is {}; it must be at least 1", n_shots);
  R1_TRY(std::vector<Problem> rows, read_problems(jsonl));
  for (const Problem& row : rows) {
    if (row.messages.empty() || row.completion.empty())
      return fail("{}: {}: an example needs a prompt and a completion", jsonl.string(), row.id);
  }
  if (std::ssize(rows) < n_shots + 1) {
    return fail("{}: {} rows for {} shots; there must be one more than shots", jsonl.string(),
                rows.size(), n_shots);
  }
  return FewShot(std::move(rows), n_shots, seed);
}

std::vector<const Problem*> FewShot::draw(const Problem& problem, int64_t index, int n) const {
  constexpr uint64_t kShots = 0x73686f7473;  // apart from other shuffles
  Rng rng(seed_, stream_key({static_cast<uint64_t>(Purpose::kShuffle), kShots,
                             static_cast<uint64_t>(index)}));
  const std::string own = question_of(problem);
  std::vector<const Problem*> pool, drawn;
  for (const Problem& row : rows_) {
    if (question_of(row) != own) pool.push_back(&row);
  }
  while (std::ssize(drawn) < n && !pool.empty()) {
    const auto at = rng.below(std::ssize(pool));
    drawn.push_back(pool[static_cast<size_t>(at)]);
    pool.erase(pool.begin() + at);
  }
  return drawn;
}

Problem FewShot::ask(const Problem& problem, int64_t index, bool has_template, int n) const {
  Problem asked = problem;
  asked.messages.clear();
  if (!has_template) {
    std::string text;
    for (const Problem* shot : draw(problem, index, n))
      text += "Question: " + question_of(*shot) + "\nAnswer: " + shot->completion + "\n\n";
    text += "Question: " + question_of(problem) + "\nAnswer:";
    asked.messages = {{.role = "user", .content = std::move(text)}};
    return asked;
  }
  size_t own = 0;
  for (; own < problem.messages.size() && problem.messages[own].role == "system"; ++own)
    asked.messages.push_back(problem.messages[own]);
  for (const Problem* shot : draw(problem, index, n)) {
    asked.messages.push_back({.role = "user", .content = question_of(*shot)});
    asked.messages.push_back({.role = "assistant", .content = shot->completion});
  }
  asked.messages.insert(asked.messages.end(),
                        problem.messages.begin() + static_cast<std::ptrdiff_t>(own),
                        problem.messages.end());
  return asked;
}

}  // namespace r1
