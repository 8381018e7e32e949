// A struct lists its fields once; TOML, flags, help and hash follow from the list.
//
//   struct GrpoConfig {
//     int group_size = 16;
//     void visit(auto&& f) { f("group_size", group_size, "completions per prompt"); }
//   };
//
// A nested struct with its own visit() becomes a TOML table: grpo.group_size.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace r1 {

/// One leaf of a config: its dotted name, a pointer to its value, and a line of help.
struct Field {
  using Value = std::variant<bool*, int*, int64_t*, uint64_t*, float*, double*, std::string*,
                             std::vector<std::string>*, std::vector<double>*>;
  std::string name;
  Value value;
  std::string help;
};

/// Lists the fields of any struct with visit(); nested structs are flattened with dots.
template <class Config>
std::vector<Field> list_fields(Config& config, const std::string& prefix = "") {
  std::vector<Field> fields;
  config.visit([&](const char* name, auto& member, const char* help = "") {
    using Member = std::remove_reference_t<decltype(member)>;
    if constexpr (std::is_constructible_v<Field::Value, Member*>) {
      fields.push_back({prefix + name, &member, help});
    } else {
      for (auto& field : list_fields(member, prefix + name + ".")) fields.push_back(field);
    }
  });
  return fields;
}

/// Reads TOML text into the fields. Unknown keys, wrong types and duplicate keys are errors that
/// name the file, line and column, and suggest the nearest known key.
Result<void> apply_toml(std::vector<Field> fields, const std::string& text,
                        const std::string& file_name);

/// Every value of a TOML text as TOML, by its dotted name.
Result<std::map<std::string, std::string>> toml_values(const std::string& text,
                                                       const std::string& file_name);

/// Sets one field from text: "3e-4", "true", "a,b". The error names the field and what it takes.
Result<void> set_field(const std::vector<Field>& fields, const std::string& name,
                       const std::string& value);

/// The whole config as TOML that apply_toml reads back to the same values; floats in shortest form.
std::string to_toml(const std::vector<Field>& fields);

/// One line a field: --name VALUE, help text, default.
std::string help_text(const std::vector<Field>& fields);

/// A value as text: what set_field takes.
std::string value_text(const Field& field);

/// The known name nearest to a mistyped one, or "" when none is near.
std::string nearest_name(const std::string& name, const std::vector<std::string>& known);

}  // namespace r1
