// r1 quickstart: the whole story on the built-in task, without downloads.
#include "recipes/quickstart.h"

#include <unistd.h>

#include <cstdio>

#include "cli/verbs.h"

namespace r1 {

Verb quickstart_verb() {
  Verb verb{"quickstart",
            "watch a small model learn to reason: base, R1-Zero, evaluation, report",
            {"r1 quickstart", "r1 quickstart --seed 1 --output_dir runs/seed1"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    QuickstartConfig config;
    return run_verb(verb, config, args, [&](QuickstartConfig& c) -> Result<void> {
      const bool colour = isatty(STDOUT_FILENO) != 0;
      R1_TRY(const std::string closing,
             quickstart(c, R1_VERSION, command_line(verb, args), colour));
      std::fputs(closing.c_str(), stdout);
      return {};
    });
  };
  return verb;
}

}  // namespace r1
