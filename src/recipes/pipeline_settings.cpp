#include "recipes/pipeline_settings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "base/fields.h"

namespace r1 {
namespace {

/// The variable that a text "$NAME" names; nullptr for other texts.
Result<const toml::node*> variable_of(const toml::node& value, const toml::table& variables,
                                      const std::string& key, const std::string& file) {
  const std::string text = value.value_or(std::string());
  if (!text.starts_with("$")) return nullptr;
  if (const toml::node* variable = variables.get(text.substr(1))) return variable;
  std::vector<std::string> known;
  for (auto&& [name, node] : variables) known.emplace_back(name.str());
  return fail("{}:{}: {} = \"{}\" names no variable; [variables] has {}", file,
              value.source().begin.line, key, text, fmt::format("{}", fmt::join(known, ", ")));
}

/// Sets a key to what a person typed: as TOML; else with commas a list; else as text.
void set_typed(toml::table& table, const std::string& key, const std::string& value) {
  try {
    const toml::table read = toml::parse(std::string_view("x = " + value));
    table.insert_or_assign(key, *read.get("x"));
  } catch (const toml::parse_error&) {
    if (value.find(',') == std::string::npos) {
      table.insert_or_assign(key, value);
      return;
    }
    toml::array list;
    std::istringstream items(value);
    for (std::string item; std::getline(items, item, ',');) {
      toml::table one;
      set_typed(one, "x", item);
      list.push_back(*one.get("x"));
    }
    table.insert_or_assign(key, std::move(list));
  }
}

/// NAME=VALUE
Result<void> set_variable(toml::table& variables, const std::string& setting) {
  const size_t equals = setting.find('=');
  const std::string name = setting.substr(0, equals);
  if (equals == std::string::npos || !variables.contains(name)) {
    std::vector<std::string> known;
    for (auto&& [key, node] : variables) known.emplace_back(key.str());
    return fail("variable '{}' is not in the file; a setting is NAME=VALUE, of {}", setting,
                fmt::format("{}", fmt::join(known, ", ")));
  }
  set_typed(variables, name, setting.substr(equals + 1));
  return {};
}

/// '-' and '_' are interchangeable in what is typed.
bool is_same_name(std::string a, std::string b) {
  std::replace(a.begin(), a.end(), '-', '_');
  std::replace(b.begin(), b.end(), '-', '_');
  return a == b;
}

}  // namespace

Result<void> put_variables(toml::table& table, const toml::table& variables,
                           const std::string& file) {
  for (auto&& [key, value] : table) {
    const std::string name(key.str());
    if (auto* inner = value.as_table()) {
      R1_RETURN_IF_ERROR(put_variables(*inner, variables, file));
    } else if (auto* list = value.as_array()) {
      toml::array filled;
      for (toml::node& item : *list) {
        if (auto* one = item.as_table()) R1_RETURN_IF_ERROR(put_variables(*one, variables, file));
        R1_TRY(const toml::node* variable, variable_of(item, variables, name, file));
        if (const toml::array* several = variable ? variable->as_array() : nullptr) {
          for (const toml::node& each : *several) filled.push_back(each);
        } else {
          filled.push_back(variable ? *variable : item);
        }
      }
      *list = std::move(filled);
    }
    R1_TRY(const toml::node* variable, variable_of(value, variables, name, file));
    if (variable) table.insert_or_assign(key, *variable);
  }
  return {};
}

Result<void> set_variables(toml::table& variables, const PipelineSettings& settings,
                           const std::string& file) {
  for (const std::string& setting : settings.variables) {
    R1_RETURN_IF_ERROR(set_variable(variables, setting));
  }
  return put_variables(variables, toml::table(variables), file);
}

void set_options(toml::table& stage, const PipelineSettings& settings) {
  const std::string name = stage["name"].value_or(std::string());
  for (const auto& [path, value] : settings.options) {
    const size_t dot = path.find('.');
    if (!is_same_name(path.substr(0, dot), name)) continue;
    toml::table* table = &stage;
    std::string key = path.substr(dot + 1);
    std::replace(key.begin(), key.end(), '-', '_');
    for (size_t next; (next = key.find('.')) != std::string::npos; key.erase(0, next + 1)) {
      const std::string inner = key.substr(0, next);
      if (!table->contains(inner) || !table->get(inner)->is_table())
        table->insert_or_assign(inner, toml::table{});
      table = table->get(inner)->as_table();
    }
    set_typed(*table, key, value);
  }
}

Result<void> check_options(const toml::array& stages, const PipelineSettings& settings) {
  std::vector<std::string> names;
  for (const toml::node& stage : stages) {
    if (const toml::table* table = stage.as_table())
      names.push_back((*table)["name"].value_or(std::string()));
  }
  for (const auto& [path, value] : settings.options) {
    const std::string name = path.substr(0, path.find('.'));
    if (std::any_of(names.begin(), names.end(), [&](auto& n) { return is_same_name(n, name); }))
      continue;
    const std::string near = nearest_name(name, names);
    return fail("--{}: there is no stage '{}'; {}", path, name,
                near.empty() ? fmt::format("there are {}", fmt::join(names, ", "))
                             : fmt::format("did you mean '{}'?", near));
  }
  return {};
}

}  // namespace r1
