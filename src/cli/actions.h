// Verbs of several actions: r1 VERB ACTION …
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"

namespace r1 {

/// One action of a verb. Its own Verb is named "VERB ACTION" and needs no run.
struct Action {
  Verb verb;
  int (*run)(const Verb& verb, const std::vector<std::string>& args);  // args after the action
};

/// Finds the action that args[0] names and runs it. Without one, or with --help, prints the list of
/// them, followed by notes; an unknown one is an error that names the nearest.
int run_actions(const Verb& verb, const std::vector<Action>& actions,
                const std::vector<std::string>& args, const std::string& notes = "");

}  // namespace r1
