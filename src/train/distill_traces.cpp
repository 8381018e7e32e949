// Distillation by text: what DeepSeek did. The teacher writes, the student learns the words.
#include "base/log.h"
#include "train/distill.h"

namespace r1 {
namespace {

/// RUN/traces.jsonl appears only when it is complete, so that a resumed run need not ask again.
Result<std::string> teacher_traces(const DistillConfig& config) {
  const Path folder = config.train.output_dir;
  const Path file = folder / "traces.jsonl";
  std::error_code ignored;
  if (config.train.resume && std::filesystem::exists(file, ignored)) return file.string();
  SampleConfig sample = config.sample.config;
  sample.model.model = config.teacher;
  if (sample.model.dtype == "auto") sample.model.dtype = config.teacher_dtype;
  if (sample.model.quantize.empty()) sample.model.quantize = config.teacher_quantize;
  sample.data = config.data;
  sample.output = file.string();
  sample.overwrite = config.train.overwrite;
  sample.columns = config.columns;
  sample.compute = config.train.compute;
  R1_RETURN_IF_ERROR(make_folder(folder));
  R1_TRY(const SampleReport report, rejection_sample(sample));
  log_info("traces of {}:\n{}", config.teacher, describe(report));
  if (report.n_written == 0)
    return fail(
        "none of the teacher's {} completions passed the filters; see {}.summary.json, then "
        "loosen sample.filters",
        report.n_samples, file.string());
  return file.string();
}

}  // namespace

Result<StageReport> distill_traces(DistillConfig config, const Evaluation& evaluation) {
  if (config.teacher.empty()) return fail("teacher is not set; name a model folder: --teacher DIR");
  R1_RETURN_IF_ERROR(config.train.validate());
  const bool is_remote = !config.sample.config.url.empty();
  if (config.model.empty() && is_remote)
    return fail(
        "model is not set; a new student needs a tokenizer, and a server gives none: "
        "--model DIR");
  R1_TRY(const std::string traces, teacher_traces(config));
  if (config.model.empty()) {
    R1_TRY(const Machine machine, Machine::open(config.train.compute));
    R1_TRY(const Path made,
           make_student(config.new_model, config.teacher, Path(config.train.output_dir) / "student",
                        config.train, machine.launch()));
    config.model = made.string();
  }
  SftConfig student;
  student.model = config.model;
  student.data = traces;
  student.train_batch_size = config.train_batch_size;
  student.num_train_epochs = config.num_train_epochs;
  student.max_length = config.max_length;
  student.adapters = config.adapters;
  student.train = config.train;
  // the folder of a new student lies in output_dir, where nothing of an earlier run is left
  return sft(student, evaluation, config.held_out.eval_steps);
}

}  // namespace r1
