#include "cli/verbs.h"

#include <cstdio>

namespace r1 {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all{pretrain_verb(), sft_verb(), rl_verb(), eval_verb(), generate_verb(), chat_verb()};
  return all;
}

int report_error(const Verb& verb, const Error& error) {
  std::fprintf(stderr, "r1 %s: error: %s\n", verb.name.c_str(), error.message.c_str());
  return 1;
}

}  // namespace r1
