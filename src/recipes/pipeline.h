// A pipeline: stages of r1's verbs in one file, each resumable, skipped when nothing has changed.
//
//   output_dir = "runs/r1"
//   [[stage]]
//   name = "base"
//   verb = "pretrain"
//   max_steps = 4000          # any option of that verb
//   [[stage]]
//   name = "cold"
//   verb = "sft"
//   model = "@base"           # what stage base made
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace r1 {

/// How the verb of a stage takes its place in a pipeline.
struct StageKind {
  const char* verb;
  const char* output;   // the option that says where to write
  const char* product;  // what others get of its folder: final, rows.jsonl, …
  bool is_run;          // has checkpoints: --resume goes on
  bool has_compute;     // takes [compute]
};
/// nullptr for a verb that no stage can be.
const StageKind* find_stage_kind(const std::string& verb);

struct Stage {
  std::string name, verb, title;
  std::string role;  // what it is to the report: zero, cold, r1; empty: as its name says
  const StageKind* kind = nullptr;
  std::string config;               // options of the verb as TOML, with references as they stand
  std::vector<std::string> inputs;  // stages it refers to, and those it comes `after`
  Path folder;

  Path product() const { return folder / kind->product; }
  Path config_file() const { return folder.string() + ".toml"; }
  Path log_file() const { return folder.string() + ".log"; }  // what its verb prints
};

/// What is said from outside, above the file.
struct PipelineSettings {
  std::string output_dir;                                    // instead of the file's, unless empty
  std::vector<std::string> variables;                        // NAME=VALUE
  std::vector<std::pair<std::string, std::string>> options;  // STAGE.KEY and the value of it
};

struct Pipeline {
  std::string title;
  Path output_dir;
  std::vector<std::string> notes;  // for the report: what to keep in mind
  std::vector<Stage> stages;       // in the order of the file, which is the order they run in

  const Stage* find(const std::string& name) const;
};

/// Reads the file. `seed` of the top level becomes that of every stage that sets none, and
/// [compute] that of every stage that takes one. Errors name the file, the stage and the remedy:
/// unknown verb, two stages of one name, a reference to no stage or to a later one.
/// A text "$NAME" anywhere in a stage, or in [variables] itself, is the variable NAME of
/// [variables], with its type; a stage with `enabled` false is left out, in lists of later stages
/// too.
Result<Pipeline> read_pipeline(const std::string& toml, const std::string& file,
                               const PipelineSettings& settings = {});

/// A stage's options as TOML, with value(NAME) in place of @NAME.
std::string resolve_config(const Stage& stage,
                           const std::function<std::string(const std::string& name)>& value,
                           bool with_compute = true);
/// Files and folders that its options name.
std::vector<std::string> files_of(const Stage& stage);

/// Where a stage stands.
enum class StageState {
  kNew,      // nothing there
  kStarted,  // begun with these very inputs, and not finished
  kStale,    // made with other inputs, options or another r1
  kDone,
};

/// What a stage was made from: its options, the keys of the stages it refers to, the files it
/// reads, and the program. Equal keys, equal results: [compute] changes none and is no part of it.
Result<std::vector<std::string>> stage_keys(const Pipeline& pipeline, const std::string& program);

struct StageRecord {
  std::string key;
  bool is_done = false;
  double seconds = 0;  // over its sittings, but those that were killed
};
/// FOLDER.json beside the stage's folder; a record without key where there is none.
Path record_file(const Stage& stage);
StageRecord read_stage_record(const Stage& stage);
Result<void> write_stage_record(const Stage& stage, const StageRecord& record);
StageState state_of(const Stage& stage, const std::string& key);

struct PipelineRun {
  std::string from, until, only;  // names of stages, or empty
  std::function<Result<void>(const Stage& stage, const std::vector<std::string>& args)> run;
  std::function<void(const Stage& stage, size_t index, StageState state)> tell;
};

/// The stages that would run, in order: all up to `until`; from `from` on even unchanged ones.
Result<std::vector<const Stage*>> stages_to_run(const Pipeline& pipeline,
                                                const std::vector<std::string>& keys,
                                                const PipelineRun& plan);

/// Runs them. Stops at the first error, which names the stage; the same command then goes on there.
/// A stage that runs on what is out of date (--only, --from) remembers that, so that it is out of
/// date itself once its inputs are made anew.
/// keys: of stage_keys.
Result<void> run_pipeline(const Pipeline& pipeline, const std::vector<std::string>& keys,
                          const PipelineRun& plan);

}  // namespace r1
