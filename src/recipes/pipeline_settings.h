// What stands outside of a recipe's stages and goes into them: variables, and options from a
// command line. Only for sources that read TOML.
#pragma once

#include <toml++/toml.h>

#include "recipes/pipeline.h"

namespace r1 {

/// Sets variables to what the settings say (NAME=VALUE, the value as TOML, else with commas a list,
/// else text), then fills in those that name others.
Result<void> set_variables(toml::table& variables, const PipelineSettings& settings,
                           const std::string& file);

/// Puts a variable in place of every text that is $NAME, with its own type; in a list, the items of
/// one that is a list.
Result<void> put_variables(toml::table& table, const toml::table& variables,
                           const std::string& file);

/// Every option from outside names a stage of the file.
Result<void> check_options(const toml::array& stages, const PipelineSettings& settings);

/// Sets the options that are meant for this stage: KEY, or TABLE.KEY.
void set_options(toml::table& stage, const PipelineSettings& settings);

}  // namespace r1
