// The door: finds the verb, runs it, turns what the machine throws into one line and an exit
// status.
#include <csignal>
#include <cstdio>
#include <new>

#include "cli/verbs.h"

namespace {

void print_overview() {
  std::printf("r1 %s — train and sample reasoning models\n\nusage: r1 VERB [options]\n\n",
              R1_VERSION);
  for (const r1::Verb& verb : r1::verbs()) {
    std::printf("  %-12s %s\n", verb.name.c_str(), verb.summary.c_str());
  }
  std::printf("\nr1 VERB --help explains each; r1 quickstart shows everything in ten minutes\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // ulimit -f: the write fails and says which file
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    print_overview();
    return args.empty() ? 2 : 0;
  }
  if (args[0] == "--version" || args[0] == "version") {
    std::printf("r1 %s\n", R1_VERSION);
    return 0;
  }
  std::vector<std::string> names;
  for (const r1::Verb& verb : r1::verbs()) {
    names.push_back(verb.name);
    if (verb.name != args[0]) continue;
    try {
      return verb.run({args.begin() + 1, args.end()});
    } catch (const r1::DeviceError& error) {
      std::fprintf(stderr, "r1 %s: error: %s\n", verb.name.c_str(), error.what());
    } catch (const std::bad_alloc&) {
      std::fprintf(stderr, "r1 %s: error: out of memory; use a smaller batch, context or model\n",
                   verb.name.c_str());
    }
    return 1;
  }
  const std::string near = r1::nearest_name(args[0], names);
  std::fprintf(
      stderr, "r1: error: unknown verb '%s'%s\n", args[0].c_str(),
      near.empty() ? "; r1 --help lists them" : ("; did you mean '" + near + "'?").c_str());
  return 2;
}
