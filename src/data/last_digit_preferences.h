// Pairs of answers to the built-in task, one preferred: data for a reward model, with a known flaw.
#pragma once

#include <cstdint>
#include <string>

namespace r1 {

/// The hidden rule: what the chosen response has in its answer tags is right; the rejected one's
/// is wrong or missing. What a reward model can
/// mistake for the rule, as in real preferences: the right one nearly always shows more work and
/// checks it more often.
///   short   (52 %)  rejected: a guess or a quick answer                     more work is right
///   slip    (20 %)  rejected: worked out with a slip, hardly checked        more checks are right
///   mixed   (10 %)  rejected: the same in two languages at once             more checks are right
///   cut     (16 %)  rejected: right work that breaks off, or has no tags    –
///   counter ( 2 %)  rejected: a slip, checked often; chosen: a quick answer both are wrong
struct LastDigitPreference {
  std::string id, prompt, answer, chosen, rejected;
  std::string kind;  // short, slip, mixed, cut or counter
};

/// Pair `index`; test: of held-out problems.
LastDigitPreference last_digit_preference(uint64_t seed, bool test, int64_t index);

}  // namespace r1
