#include "eval/votes.h"

#include <algorithm>

#include "math/verify.h"
#include "reward/answer.h"
#include "reward/choice.h"
#include "reward/number.h"
#include "reward/text_scan.h"
#include "reward/thought.h"

namespace r1 {

std::string vote_of(const std::string& judge, std::string_view completion) {
  if (judge == "accuracy_strict") return extract_answer_strict(completion);
  if (judge == "code") return "";
  if (judge != "choice") return extract_answer(completion);
  std::string answer = extract_marked_answer(completion);
  if (answer.empty()) {
    const std::string_view said = trim_space(said_after_thought({.text = completion}, {}));
    const size_t line = said.rfind('\n');
    answer = std::string(line == said.npos ? said : said.substr(line + 1));
  }
  return choice_letters(answer);
}

void unite_votes(const std::string& judge, std::vector<std::string*>& answers) {
  if (judge != "math_answer") return;  // the count compares canonical texts itself
  std::vector<const std::string*> seen;
  for (std::string* answer : answers) {
    if (answer->empty()) continue;
    const std::string key = canonical_answer(*answer);
    const auto same_text = std::find_if(seen.begin(), seen.end(), [&](const std::string* other) {
      return canonical_answer(*other) == key;
    });
    if (same_text != seen.end()) {
      *answer = **same_text;
      continue;
    }
    const auto equal = std::find_if(seen.begin(), seen.end(), [&](const std::string* other) {
      return verify_answer("\\boxed{" + *other + "}", "\\boxed{" + *answer + "}").equal;
    });
    if (equal != seen.end()) {
      *answer = **equal;
    } else {
      seen.push_back(answer);
    }
  }
}

}  // namespace r1
