// Written by hand instead of with CLI11: the fields already know their names, types and help, and
// config files must come first wherever they stand.
#include "cli/options.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/field_text.h"

namespace r1 {
namespace {

/// One field to set.
struct Setting {
  std::string name, value;
};

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

bool is_flag(const Field* field) {
  return field != nullptr && std::holds_alternative<bool*>(field->value);
}

/// Walks over the arguments and sorts them into config files and settings.
class Parser {
 public:
  Parser(const std::vector<Field>& fields, const std::vector<std::string>& args, const Verb& verb)
      : fields_(fields), args_(args), verb_(verb) {}

  Result<void> parse() {
    while (next_ < args_.size()) R1_RETURN_IF_ERROR(parse_one(args_[next_++]));
    return {};
  }

  std::vector<std::string> config_files;
  std::vector<Setting> settings;

 private:
  Result<void> parse_one(const std::string& arg) {
    if (!arg.starts_with("--") || arg.size() == 2) {
      return fail("unexpected argument '{}'; options are written --name VALUE (r1 {} --help)", arg,
                  verb_.name);
    }
    const size_t equals = arg.find('=');
    const std::string name = with_underscores(arg.substr(2, equals - 2));
    std::optional<std::string> value;
    if (equals != std::string::npos) value = arg.substr(equals + 1);

    const Field* field = find_field(fields_, name);
    if (is_flag(field)) return add_flag(name, value);
    if (field == nullptr && name.starts_with("no_") &&
        is_flag(find_field(fields_, name.substr(3)))) {
      if (value) return fail("--{} takes no value", arg.substr(2, equals - 2));
      settings.push_back({name.substr(3), "false"});
      return {};
    }
    if (field == nullptr && name != "config" && name != "set") return unknown(arg, name);
    if (!value) {
      R1_TRY(value, take_value(arg));
    }
    if (name == "config") {
      config_files.push_back(*value);
      return {};
    }
    return name == "set" ? add_set(*value) : add(name, *value);
  }

  Result<void> add(const std::string& name, const std::string& value) {
    settings.push_back({name, value});
    return {};
  }

  /// --flag alone means true; "--flag false" is understood since a bare word has no other meaning.
  Result<void> add_flag(const std::string& name, std::optional<std::string> value) {
    if (!value && next_ < args_.size() && !args_[next_].starts_with("-")) value = args_[next_++];
    return add(name, value.value_or("true"));
  }

  Result<void> add_set(const std::string& pair) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail("--set takes name=value, not '{}'", pair);
    }
    return add(pair.substr(0, equals), pair.substr(equals + 1));
  }

  /// The argument after a name. "-1" is a value; "--name" is not, unless written with '='.
  Result<std::string> take_value(const std::string& option) {
    if (next_ == args_.size() || args_[next_].starts_with("--")) {
      return fail("{} needs a value: {} VALUE or {}=VALUE", option, option, option);
    }
    return args_[next_++];
  }

  Result<void> unknown(const std::string& arg, const std::string& name) const {
    std::vector<std::string> known = {"config", "set", "help"};
    for (const Field& field : fields_) {
      known.push_back(field.name);
      if (is_flag(&field)) known.push_back("no_" + field.name);
    }
    const std::string option = arg.substr(0, arg.find('='));
    const std::string near = nearest_name(name, known);
    if (near.empty()) return fail("unknown option '{}'; see r1 {} --help", option, verb_.name);
    return fail("unknown option '{}'; did you mean '--{}'?", option, near);
  }

  const std::vector<Field>& fields_;
  const std::vector<std::string>& args_;
  const Verb& verb_;
  size_t next_ = 0;
};

}  // namespace

std::vector<std::string> take_words(const std::vector<Field>& fields,
                                    std::vector<std::string>& args) {
  std::vector<std::string> words, options;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (!arg.starts_with("-")) {
      words.push_back(arg);
      continue;
    }
    options.push_back(arg);
    if (!arg.starts_with("--") || arg.find('=') != std::string::npos || i + 1 == args.size()) {
      continue;
    }
    const std::string name = with_underscores(arg.substr(2));
    const bool flag = is_flag(find_field(fields, name)) || name == "help" ||
                      (name.starts_with("no_") && is_flag(find_field(fields, name.substr(3))));
    const bool says_which = args[i + 1] == "true" || args[i + 1] == "false";
    if (!flag || says_which) {
      if (!args[i + 1].starts_with("--")) options.push_back(args[++i]);
    } else if (!name.starts_with("no_") && name != "help") {
      options.back() += "=true";
    }
  }
  args = std::move(options);
  return words;
}

std::vector<std::string> name_positionals(const std::vector<Field>& fields,
                                          std::vector<std::string> args,
                                          const std::vector<std::string>& names) {
  const std::vector<std::string> words = take_words(fields, args);
  for (size_t i = 0; i < words.size(); ++i) {
    if (i < names.size()) args.push_back("--" + names[i]);
    args.push_back(words[i]);  // one too many: parse_options says so
  }
  return args;
}

std::string usage_text(const std::vector<Field>& fields, const Verb& verb) {
  std::string text = fmt::format("r1 {}: {}\n\nUsage: r1 {} [--config FILE.toml] [options]\n",
                                 verb.name, verb.summary, verb.name);
  if (!verb.examples.empty()) text += "\nExamples:\n";
  for (const std::string& example : verb.examples) text += "  " + example + "\n";
  text += "\nOptions (also fields of FILE.toml, where --a.b is b in the table [a]):\n";
  text += help_text(fields);
  text +=
      "\n  --config FILE.toml  read options from a file first; flags win over it\n"
      "  --set NAME=VALUE    the same as --NAME VALUE\n"
      "  --help              print this\n"
      "\nA true or false option NAME is written --NAME or --no-NAME. In names, '-' and '_' are the "
      "same.\n";
  return text;
}

Result<void> parse_options(std::vector<Field> fields, const std::vector<std::string>& args,
                           const Verb& verb, bool* help_printed) {
  for (const char* taken : {"config", "set", "help"}) {
    CHECK(find_field(fields, taken) == nullptr, "a field must not be named '{}'", taken);
  }
  *help_printed = std::any_of(args.begin(), args.end(), [](const std::string& arg) {
    return arg == "-h" || arg == "--help";
  });
  if (*help_printed) {
    const std::string text = usage_text(fields, verb);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    return {};
  }
  Parser parser(fields, args, verb);
  R1_RETURN_IF_ERROR(parser.parse());
  for (const std::string& file : parser.config_files) {
    R1_TRY(const std::string text, read_text(file));
    R1_RETURN_IF_ERROR(apply_toml(fields, text, file));
  }
  for (const Setting& setting : parser.settings) {
    R1_RETURN_IF_ERROR(set_field(fields, setting.name, setting.value));
  }
  return {};
}

}  // namespace r1
