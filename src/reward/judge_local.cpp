// A judge that runs here.
#include "engine/answerer.h"
#include "reward/judge_model.h"

namespace r1 {
namespace {

class LocalJudge : public JudgeModel {
 public:
  explicit LocalJudge(std::unique_ptr<const Answerer> model) : model_(std::move(model)) {}

  std::vector<Result<JudgeReply>> ask(std::span<const std::string> prompts, uint64_t seed,
                                      ThreadPool& pool) const override {
    std::vector<Result<JudgeReply>> replies;
    for (auto& answer : model_->answer(prompts, seed, pool)) {
      if (answer) {
        replies.push_back(JudgeReply{std::move(answer->text), answer->finished});
      } else {
        replies.push_back(fail_with(answer.error()));
      }
    }
    return replies;
  }

 private:
  std::unique_ptr<const Answerer> model_;
};

}  // namespace

Result<std::unique_ptr<const JudgeModel>> open_local_judge(const JudgeOptions& options) {
  AnswererOptions chosen;
  chosen.dtype = options.dtype;
  chosen.quantize = options.quantize;
  chosen.params.temperature = 0;
  chosen.max_tokens = options.max_tokens;
  chosen.max_sequences = options.concurrency;
  R1_TRY(auto model, Answerer::open(options.model, chosen));
  return std::make_unique<const LocalJudge>(std::move(model));
}

}  // namespace r1
