// The command line of a verb: --config FILE.toml, --set key=value, and every config field as
// --name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fields.h"

namespace r1 {

/// One word of `r1 WORD …`.
struct Verb {
  std::string name;
  std::string summary;                                           // one line
  std::vector<std::string> examples;                             // whole command lines
  std::function<int(const std::vector<std::string>& args)> run;  // args after the name; exit status
};

/// Sets the fields from the arguments after the verb. Config files are applied first, wherever they
/// stand; then the flags in their order, so that a later one wins and every flag wins over a file.
///   --name VALUE   --name=VALUE   --flag   --no-flag   --table.name VALUE   --set name=VALUE
/// '-' and '_' are interchangeable in names. With -h or --help anywhere it only prints the usage to
/// standard output and sets *help_printed; the caller then returns success.
Result<void> parse_options(std::vector<Field> fields, const std::vector<std::string>& args,
                           const Verb& verb, bool* help_printed);

/// Takes out the arguments that stand without a name, in order. A word after a true-or-false option
/// is one of them, too, unless it is true or false.
std::vector<std::string> take_words(const std::vector<Field>& fields,
                                    std::vector<std::string>& args);

/// Gives such arguments theirs: r1 convert SRC DST.
std::vector<std::string> name_positionals(const std::vector<Field>& fields,
                                          std::vector<std::string> args,
                                          const std::vector<std::string>& names);

/// What --help prints: usage, examples, each field with its help text and default.
std::string usage_text(const std::vector<Field>& fields, const Verb& verb);

}  // namespace r1
