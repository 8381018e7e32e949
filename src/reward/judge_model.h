// Who answers a judge's questions: a model of this machine or a server.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/chat_client.h"
#include "base/thread_pool.h"
#include "reward/judge.h"

namespace r1 {

struct JudgeReply {
  std::string text;
  bool finished = true;  // not cut at max_tokens
};

/// Any thread may call ask.
class JudgeModel {
 public:
  virtual ~JudgeModel() = default;
  /// One reply a prompt, in order; an error where none came.
  virtual std::vector<Result<JudgeReply>> ask(std::span<const std::string> prompts, uint64_t seed,
                                              ThreadPool& pool) const = 0;
  /// What a server was asked so far; nothing of a model of this machine.
  virtual ChatUsage usage() const { return {}; }
};

Result<std::unique_ptr<const JudgeModel>> open_local_judge(const JudgeOptions& options);
Result<std::unique_ptr<const JudgeModel>> open_remote_judge(const JudgeOptions& options);

}  // namespace r1
