#include "recipes/pipeline.h"

#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "base/fields.h"

namespace r1 {
namespace {

constexpr StageKind kKinds[] = {
    {"pretrain", "output_dir", "final", true, true},
    {"sft", "output_dir", "final", true, true},
    {"rl", "output_dir", "final", true, true},
    {"distill", "output_dir", "final", true, true},
    {"reward train", "output_dir", "final", true, true},
    {"sample", "output", "rows.jsonl", false, true},
    {"eval", "json", "eval.json", false, true},
    {"data", "output", "rows.jsonl", false, false},
    {"data math", "output", "rows.jsonl", false, false},
    {"data filter", "output", "rows.jsonl", false, false},
};

std::string to_text(const toml::table& table) {
  std::ostringstream out;
  out << toml::toml_formatter(table);
  return out.str() + "\n";
}

/// Calls change(text) on every string in a node; what it returns replaces the string.
template <class Change>
void for_each_string(toml::node& node, const Change& change) {
  if (auto* text = node.as_string()) {
    *text = change(text->get());
  } else if (auto* list = node.as_array()) {
    for (toml::node& item : *list) for_each_string(item, change);
  } else if (auto* table = node.as_table()) {
    for (auto&& [key, value] : *table) for_each_string(value, change);
  }
}

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

/// Puts a variable in place of every text that is $NAME, with its own type; in a list, the items of
/// one that is a list.
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

/// NAME=VALUE, the value as TOML or else as text.
Result<void> set_variable(toml::table& variables, const std::string& setting) {
  const size_t equals = setting.find('=');
  const std::string name = setting.substr(0, equals);
  if (equals == std::string::npos || !variables.contains(name)) {
    std::vector<std::string> known;
    for (auto&& [key, node] : variables) known.emplace_back(key.str());
    return fail("variable '{}' is not in the file; a setting is NAME=VALUE, of {}", setting,
                fmt::format("{}", fmt::join(known, ", ")));
  }
  const std::string value = setting.substr(equals + 1);
  try {
    const toml::table read = toml::parse(std::string_view("x = " + value));
    variables.insert_or_assign(name, *read.get("x"));
  } catch (const toml::parse_error&) {
    variables.insert_or_assign(name, value);
  }
  return {};
}

/// "@base" and "@base/step_40" name stage base; "" otherwise.
std::string referred(const std::string& text) {
  if (!text.starts_with("@")) return "";
  return text.substr(1, text.find('/') - 1);
}

/// A list leaves out what a stage that is not enabled would have made.
void leave_out(toml::table& table, const std::set<std::string>& disabled) {
  for (auto&& [key, value] : table) {
    if (auto* inner = value.as_table()) leave_out(*inner, disabled);
    auto* list = value.as_array();
    if (!list) continue;
    const bool is_after = key.str() == "after";
    toml::array kept;
    for (toml::node& item : *list) {
      if (auto* one = item.as_table()) leave_out(*one, disabled);
      const std::string text = item.value_or(std::string());
      if (!disabled.contains(is_after ? text : referred(text))) kept.push_back(item);
    }
    *list = std::move(kept);
  }
}

Result<std::string> take_text(toml::table& table, const char* key, const std::string& where) {
  const toml::node* node = table.get(key);
  if (!node) return std::string();
  if (!node->is_string()) return fail("{}: {} must be a text", where, key);
  std::string text = node->as_string()->get();
  table.erase(key);
  return text;
}

/// The stage's own keys are taken off; what stays are options of the verb.
Result<Stage> read_stage(toml::table table, const toml::table& all, const std::string& where) {
  Stage stage;
  R1_TRY(stage.name, take_text(table, "name", where));
  R1_TRY(stage.verb, take_text(table, "verb", where));
  R1_TRY(stage.title, take_text(table, "title", where));
  R1_TRY(stage.role, take_text(table, "role", where));
  if (stage.name.empty() || stage.name.find_first_of("/@. ") != std::string::npos) {
    return fail("{}: name is '{}'; a stage needs one without / @ . and blanks", where, stage.name);
  }
  stage.kind = find_stage_kind(stage.verb);
  if (!stage.kind) {
    std::vector<std::string> known;
    for (const StageKind& kind : kKinds) known.emplace_back(kind.verb);
    return fail("{}: stage {}: verb is '{}'; it is one of {}", where, stage.name, stage.verb,
                fmt::format("{}", fmt::join(known, ", ")));
  }
  for (const char* own : {stage.kind->output, "resume", "overwrite"}) {
    if (table.contains(own))
      return fail("{}: stage {}: {} is set by the pipeline itself", where, stage.name, own);
  }
  if (const toml::node* after = table.get("after")) {
    const toml::array* list = after->as_array();
    if (!list) return fail("{}: stage {}: after must be a list of names", where, stage.name);
    for (const toml::node& item : *list) stage.inputs.push_back(item.value_or(std::string()));
    table.erase("after");
  }
  if (!table.contains("seed")) {
    if (const toml::node* seed = all.get("seed")) table.insert("seed", *seed);
  }
  if (stage.kind->has_compute && !table.contains("compute")) {
    if (const toml::node* compute = all.get("compute")) table.insert("compute", *compute);
  }
  for_each_string(table, [&](const std::string& text) {
    if (const std::string name = referred(text); !name.empty()) stage.inputs.push_back(name);
    return text;
  });
  stage.config = to_text(table);
  return stage;
}

Result<void> check_order(const Pipeline& pipeline, const std::string& file) {
  std::set<std::string> known;
  for (const Stage& stage : pipeline.stages) {
    for (const std::string& input : stage.inputs) {
      if (known.contains(input)) continue;
      return fail("{}: stage {} refers to '{}', {}", file, stage.name, input,
                  pipeline.find(input) ? "which comes later; put it first"
                                       : "which is no stage that is enabled");
    }
    if (!known.insert(stage.name).second)
      return fail("{}: two stages are named {}", file, stage.name);
  }
  return {};
}

}  // namespace

const StageKind* find_stage_kind(const std::string& verb) {
  for (const StageKind& kind : kKinds) {
    if (verb == kind.verb) return &kind;
  }
  return nullptr;
}

const Stage* Pipeline::find(const std::string& name) const {
  for (const Stage& stage : stages) {
    if (stage.name == name) return &stage;
  }
  return nullptr;
}

Result<Pipeline> read_pipeline(const std::string& toml, const std::string& file,
                               const std::string& output_dir,
                               const std::vector<std::string>& settings) {
  toml::table all;
  try {
    all = toml::parse(std::string_view(toml), std::string_view(file));
  } catch (const toml::parse_error& error) {
    return fail("{}:{}:{}: {}", file, error.source().begin.line, error.source().begin.column,
                error.description());
  }
  for (auto&& [key, value] : all) {
    const std::vector<std::string> known{"title",   "notes",     "output_dir", "seed",
                                         "compute", "variables", "stage"};
    const std::string name(key.str());
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = nearest_name(name, known);
    return fail("{}:{}: unknown key '{}'{}", file, value.source().begin.line, name,
                near.empty() ? "; options of a verb belong into a [[stage]]"
                             : fmt::format("; did you mean '{}'?", near));
  }
  toml::table variables;
  if (const toml::table* given = all["variables"].as_table()) variables = *given;
  for (const std::string& setting : settings) {
    R1_RETURN_IF_ERROR(set_variable(variables, setting));
  }
  all.erase("variables");
  R1_RETURN_IF_ERROR(put_variables(variables, toml::table(variables), file));
  R1_RETURN_IF_ERROR(put_variables(all, variables, file));
  Pipeline pipeline;
  pipeline.title = all["title"].value_or(std::string("R1"));
  if (const toml::array* notes = all["notes"].as_array()) {
    for (const toml::node& note : *notes) pipeline.notes.push_back(note.value_or(std::string()));
  }
  pipeline.output_dir = output_dir;
  if (output_dir.empty()) pipeline.output_dir = all["output_dir"].value_or(std::string());
  if (pipeline.output_dir.empty()) return fail("{}: output_dir is not set", file);
  const toml::array* stages = all["stage"].as_array();
  if (!stages || stages->empty()) return fail("{}: has no [[stage]]", file);
  std::set<std::string> disabled;
  for (const toml::node& node : *stages) {
    const std::string where = fmt::format("{}:{}", file, node.source().begin.line);
    if (!node.is_table()) return fail("{}: a stage is written [[stage]]", where);
    toml::table table = *node.as_table();
    const bool is_wanted = table["enabled"].value_or(true);
    table.erase("enabled");
    if (!is_wanted) {
      disabled.insert(table["name"].value_or(std::string()));
      continue;
    }
    leave_out(table, disabled);
    R1_TRY(Stage stage, read_stage(std::move(table), all, where));
    stage.folder = pipeline.output_dir / stage.name;
    pipeline.stages.push_back(std::move(stage));
  }
  if (pipeline.stages.empty()) return fail("{}: no stage is enabled", file);
  R1_RETURN_IF_ERROR(check_order(pipeline, file));
  return pipeline;
}

std::string resolve_config(const Stage& stage,
                           const std::function<std::string(const std::string& name)>& value,
                           bool with_compute) {
  toml::table table = toml::parse(std::string_view(stage.config));
  if (!with_compute) table.erase("compute");
  for_each_string(table, [&](const std::string& text) {
    const std::string name = referred(text);
    if (name.empty()) return text;
    const size_t rest = text.find('/');
    return value(name) + (rest == std::string::npos ? "" : text.substr(rest));
  });
  return to_text(table);
}

std::vector<std::string> files_of(const Stage& stage) {
  std::vector<std::string> files;
  toml::table table = toml::parse(std::string_view(stage.config));
  for_each_string(table, [&](const std::string& text) {
    std::error_code error;
    if (!text.empty() && !text.starts_with("@") && std::filesystem::exists(text, error))
      files.push_back(text);
    return text;
  });
  return files;
}

}  // namespace r1
