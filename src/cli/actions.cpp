#include "cli/actions.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/verbs.h"

namespace r1 {
namespace {

void print_actions(const Verb& verb, const std::vector<Action>& actions, const std::string& notes) {
  std::printf("r1 %s: %s\n\n", verb.name.c_str(), verb.summary.c_str());
  for (const Action& action : actions) {
    std::printf("  r1 %-18s %s\n", action.verb.name.c_str(), action.verb.summary.c_str());
  }
  std::printf("\nr1 %s ACTION --help explains each\n", verb.name.c_str());
  if (!notes.empty()) std::printf("\n%s", notes.c_str());
}

}  // namespace

int run_actions(const Verb& verb, const std::vector<Action>& actions,
                const std::vector<std::string>& args, const std::string& notes) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    print_actions(verb, actions, notes);
    return args.empty() ? 2 : 0;
  }
  std::vector<std::string> names;
  for (const Action& action : actions) {
    names.push_back(action.verb.name.substr(verb.name.size() + 1));
    if (names.back() == args[0]) return action.run(action.verb, {args.begin() + 1, args.end()});
  }
  const std::string near = nearest_name(args[0], names);
  std::string hint = fmt::format("did you mean '{}'?", near);
  if (near.empty()) hint = fmt::format("use {}", fmt::join(names, ", "));
  return report_error(verb, Error{fmt::format("unknown action '{}'; {}", args[0], hint)});
}

}  // namespace r1
