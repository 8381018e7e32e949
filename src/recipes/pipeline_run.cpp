#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "recipes/fingerprint.h"
#include "recipes/pipeline.h"

namespace r1 {
namespace {

/// What the stage's verb is called with, besides its name.
Result<std::vector<std::string>> arguments(const Pipeline& pipeline, const Stage& stage,
                                           StageState state) {
  const std::string config = resolve_config(
      stage, [&](const std::string& name) { return pipeline.find(name)->product().string(); });
  R1_RETURN_IF_ERROR(make_folder(pipeline.output_dir));
  R1_RETURN_IF_ERROR(write_text_atomic(stage.config_file(), config));
  std::vector<std::string> args;
  const std::string verb = stage.verb;
  if (const size_t blank = verb.find(' '); blank != std::string::npos)
    args.push_back(verb.substr(blank + 1));
  const Path output = stage.kind->is_run ? stage.folder : stage.product();
  args.insert(args.end(), {"--config", stage.config_file().string(),
                           fmt::format("--{}", stage.kind->output), output.string()});
  if (stage.kind->is_run && state == StageState::kStarted) args.push_back("--resume");
  return args;
}

Result<void> run_stage(const Pipeline& pipeline, const Stage& stage, const std::string& key,
                       StageState state, const PipelineRun& plan) {
  std::error_code error;
  StageRecord record = read_stage_record(stage);
  if (state != StageState::kStarted) {
    std::filesystem::remove_all(stage.folder, error);
    record = {key, false, 0};
  }
  R1_RETURN_IF_ERROR(make_folder(stage.folder));
  R1_TRY(const auto args, arguments(pipeline, stage, state));
  R1_RETURN_IF_ERROR(write_stage_record(stage, record));
  const Timer timer;
  if (auto done = plan.run(stage, args); !done) {
    return fail_with(done.error().with(fmt::format("stage {}", stage.name)));
  }
  record.is_done = true;
  record.seconds += timer.seconds();
  return write_stage_record(stage, record);
}

/// The key of a stage as its inputs are now: with the key of each that is not what it would be.
std::string key_now(const Pipeline& pipeline, const std::vector<std::string>& keys, size_t index) {
  std::string others;
  for (const std::string& input : pipeline.stages[index].inputs) {
    const Stage& from = *pipeline.find(input);
    const auto at = static_cast<size_t>(&from - pipeline.stages.data());
    const StageRecord record = read_stage_record(from);
    if (!record.is_done || record.key != keys[at]) others += "\n" + record.key;
  }
  if (others.empty()) return keys[index];
  log_warn("stage {} runs on what is out of date", pipeline.stages[index].name);
  others.insert(0, keys[index]);
  return sha256(std::as_bytes(std::span(others)));
}

}  // namespace

Result<std::vector<std::string>> stage_keys(const Pipeline& pipeline, const std::string& program) {
  std::map<std::string, std::string> keys;
  std::vector<std::string> list;
  for (const Stage& stage : pipeline.stages) {
    std::string text = program + "\n" + stage.verb + "\n";
    text += resolve_config(
        stage, [&](const std::string& name) { return keys.at(name); }, /*with_compute=*/false);
    for (const std::string& input : stage.inputs) text += keys.at(input) + "\n";
    for (const std::string& file : files_of(stage)) {
      R1_TRY(const std::string print, fingerprint(file));
      text += print;
    }
    keys[stage.name] = sha256(std::as_bytes(std::span(text)));
    list.push_back(keys[stage.name]);
  }
  return list;
}

// The record lies beside the folder: a run that begins again replaces its folder.
Path record_file(const Stage& stage) { return stage.folder.string() + ".json"; }

StageRecord read_stage_record(const Stage& stage) {
  const auto text = read_text(record_file(stage));
  if (!text) return {};
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return {};
  StageRecord record;
  if (const auto it = json.find("key"); it != json.end() && it->is_string())
    record.key = it->get<std::string>();
  if (const auto it = json.find("is_done"); it != json.end() && it->is_boolean())
    record.is_done = it->get<bool>();
  if (const auto it = json.find("seconds"); it != json.end() && it->is_number())
    record.seconds = it->get<double>();
  return record;
}

Result<void> write_stage_record(const Stage& stage, const StageRecord& record) {
  const nlohmann::ordered_json json{{"stage", stage.name},
                                    {"verb", stage.verb},
                                    {"key", record.key},
                                    {"is_done", record.is_done},
                                    {"seconds", record.seconds}};
  return write_text_atomic(record_file(stage), json.dump(2) + "\n");
}

StageState state_of(const Stage& stage, const std::string& key) {
  const StageRecord record = read_stage_record(stage);
  if (record.key.empty()) return StageState::kNew;
  if (record.key != key) return StageState::kStale;
  std::error_code error;
  const bool is_there = std::filesystem::exists(stage.product(), error);
  return record.is_done && is_there ? StageState::kDone : StageState::kStarted;
}

Result<std::vector<const Stage*>> stages_to_run(const Pipeline& pipeline,
                                                const std::vector<std::string>& keys,
                                                const PipelineRun& plan) {
  for (const std::string& name : {plan.from, plan.until, plan.only}) {
    if (name.empty() || pipeline.find(name)) continue;
    std::vector<std::string> known;
    for (const Stage& stage : pipeline.stages) known.push_back(stage.name);
    return fail("there is no stage '{}'; there are {}", name, fmt::join(known, ", "));
  }
  std::vector<const Stage*> chosen;
  bool reached = plan.from.empty();
  for (size_t i = 0; i < pipeline.stages.size(); ++i) {
    const Stage& stage = pipeline.stages[i];
    const bool is_done = state_of(stage, keys[i]) == StageState::kDone;
    if (!plan.only.empty()) {
      if (stage.name == plan.only) return std::vector{&stage};
      continue;
    }
    reached = reached || stage.name == plan.from;
    if (reached && (!plan.from.empty() || !is_done)) chosen.push_back(&stage);
    if (!reached && !std::filesystem::exists(stage.product())) {
      return fail("--from {}: stage {} before it has not been run; leave --from out", plan.from,
                  stage.name);
    }
    if (stage.name == plan.until) break;
  }
  return chosen;
}

Result<void> run_pipeline(const Pipeline& pipeline, const std::vector<std::string>& keys,
                          const PipelineRun& plan) {
  R1_TRY(const auto chosen, stages_to_run(pipeline, keys, plan));
  for (size_t i = 0; i < pipeline.stages.size(); ++i) {
    const Stage& stage = pipeline.stages[i];
    if (std::find(chosen.begin(), chosen.end(), &stage) == chosen.end()) continue;
    for (const std::string& input : stage.inputs) {
      const Stage& from = *pipeline.find(input);
      if (std::filesystem::exists(from.product())) continue;
      return fail("stage {} needs {} of stage {}, which is not there; run that first", stage.name,
                  from.product().string(), from.name);
    }
    const std::string key = key_now(pipeline, keys, i);
    StageState state = state_of(stage, key);
    if (plan.tell) plan.tell(stage, i, state);
    if (state == StageState::kDone) state = StageState::kStale;  // asked for: begins anew
    R1_RETURN_IF_ERROR(run_stage(pipeline, stage, key, state, plan));
  }
  return {};
}

}  // namespace r1
