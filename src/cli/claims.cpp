// r1 claims: try what was published.
#include <cstdio>

#include "cli/verbs.h"
#include "recipes/claims.h"

namespace r1 {
namespace {

struct Options : ClaimsConfig {
  std::string claim;
  void visit(auto&& f) {
    f("claim", claim, "which: r1 claims lists them");
    ClaimsConfig::visit(f);
  }
};

void print_claims() {
  std::printf("r1 claims: try a published claim at small scale, with seeds and error bars\n\n");
  for (const Claim& claim : claims()) {
    std::printf("  r1 claims %-10s %s\n", claim.name, claim.summary);
  }
  std::printf("\nr1 claims --help explains the options\n");
}

}  // namespace

Verb claims_verb() {
  Verb verb{"claims",
            "try a published claim at small scale and print the verdict, whatever it is",
            {"r1 claims balance", "r1 claims fp8 --seeds 5 --steps 3000 --output_dir runs/claims"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    if (args.empty()) {
      print_claims();
      return 2;
    }
    Options config;
    const auto named = name_positionals(list_fields(config), args, {"claim"});
    return run_verb(verb, config, named, [&](Options& c) -> Result<void> {
      R1_TRY(const std::string text, try_claim(c.claim, c, command_line(verb, args)));
      std::printf("%s", text.c_str());
      return {};
    });
  };
  return verb;
}

}  // namespace r1
