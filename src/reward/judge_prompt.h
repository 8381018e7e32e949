// What a judge is asked, and the verdict in its reply.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"

namespace r1 {

enum class JudgeMode {
  kGrade,    // the answer alone: a score
  kVerify,   // against the reference: right or wrong
  kCompare,  // with another answer: which is better
};
Result<JudgeMode> parse_judge_mode(const std::string& name);

/// The texts a prompt shows.
struct JudgeTexts {
  std::string question, answer, reference, other;
};

/// A text with the places {question}, {answer}, {reference}, {other}, {scale}, {mark}.
class JudgePrompt {
 public:
  /// Empty text: the built-in prompt of the mode. A text without {answer}, or for kCompare without
  /// {other}, is refused.
  static Result<JudgePrompt> make(JudgeMode mode, const std::string& text, double scale);

  /// Places inside the texts are not filled. Double brackets there are parted, so that no text says
  /// a verdict; {mark} depends on all texts, so that none can write it. Of a text longer than
  /// max_bytes the middle is left out.
  std::string fill(const JudgeTexts& texts, size_t max_bytes) const;
  bool needs_reference() const { return text_.find("{reference}") != std::string::npos; }
  /// What is added when a reply had no verdict.
  std::string reminder() const;

 private:
  JudgePrompt(JudgeMode mode, std::string text, std::string scale)
      : mode_(mode), text_(std::move(text)), scale_(std::move(scale)) {}
  JudgeMode mode_;
  std::string text_, scale_;
};

/// Finds verdicts in replies. Any thread may call read.
class VerdictPattern {
 public:
  /// Empty pattern: [[A]], [[B]], [[C]], or for kGrade "Score: N".
  static Result<VerdictPattern> make(JudgeMode mode, const std::string& pattern, double scale);
  VerdictPattern(VerdictPattern&&) noexcept;
  ~VerdictPattern();

  struct Verdict {
    double value = 0;     // from 0 to 1
    bool decides = true;  // false: the judge says that it cannot tell (kVerify, C)
    std::string text;     // "A", "7"
  };
  /// The last match outside the judge's own thought: its first group that took part, or all of it.
  std::optional<Verdict> read(const std::string& reply) const;

 private:
  struct Code;
  VerdictPattern(JudgeMode mode, double scale, std::unique_ptr<Code> code);
  JudgeMode mode_;
  double scale_;
  std::unique_ptr<Code> code_;
};

}  // namespace r1
