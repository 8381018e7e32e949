#include "checkpoint/train_state.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "checkpoint/manifest.h"

namespace r1 {
namespace {

constexpr const char* kProgressName = "progress.json";
constexpr const char* kTensorsName = "train_state.safetensors";
constexpr const char* kTemporary = "tmp-";

Path checkpoints_of(const Path& run) { return run / "checkpoints"; }

/// The names of the folders in RUN/checkpoints, in no order; none when it does not exist.
Result<std::vector<std::string>> list_folders(const Path& run) {
  std::vector<std::string> names;
  std::error_code failed;
  const Path folder = checkpoints_of(run);
  auto at = std::filesystem::directory_iterator(folder, failed);
  if (failed == std::errc::no_such_file_or_directory) return names;
  for (; !failed && at != std::filesystem::directory_iterator(); at.increment(failed)) {
    names.push_back(at->path().filename().string());
  }
  if (failed) return fail("{}: cannot be listed: {}", folder.string(), failed.message());
  return names;
}

/// "step-20" -> 20
std::optional<int64_t> step_of(const std::string& name) {
  constexpr std::string_view kPrefix = "step-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  int64_t step = 0;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
  if (name != fmt::format("step-{}", step)) return std::nullopt;
  return step;
}

Result<void> rename_folder(const Path& from, const Path& to) {
  std::error_code failed;
  std::filesystem::rename(from, to, failed);
  if (failed)
    return fail("{}: cannot be renamed to {}: {}", from.string(), to.string(), failed.message());
  return {};
}

/// Removes a folder unless it has been given its final name. The disk keeps no rest of a failed
/// save.
struct Staging {
  Path folder;
  explicit Staging(Path path) : folder(std::move(path)) {}
  Staging(const Staging&) = delete;
  ~Staging() {
    std::error_code ignored;  // already renamed, or the next save removes it
    std::filesystem::remove_all(folder, ignored);
  }
};

Result<void> remove_leftovers(const Path& run) {
  R1_TRY(const std::vector<std::string> names, list_folders(run));
  for (const std::string& name : names) {
    if (!name.starts_with(kTemporary)) continue;
    std::error_code failed;
    const Path folder = checkpoints_of(run) / name;
    std::filesystem::remove_all(folder, failed);
    if (failed) {
      return fail("{}: rest of an interrupted save cannot be removed: {}", folder.string(),
                  failed.message());
    }
  }
  return {};
}

/// step-N takes the place of a former step-N, which is kept until then.
Result<void> publish(const Path& staging, const Path& final_folder) {
  std::error_code ignored;
  const Path parent = final_folder.parent_path();
  const Path former =
      parent / fmt::format("{}former-{}", kTemporary, final_folder.filename().string());
  const bool replaces = std::filesystem::exists(final_folder, ignored);
  if (replaces) R1_RETURN_IF_ERROR(rename_folder(final_folder, former));
  if (auto renamed = rename_folder(staging, final_folder); !renamed) {
    if (replaces) std::filesystem::rename(former, final_folder, ignored);
    return renamed;
  }
  std::filesystem::remove_all(former, ignored);
  return sync_to_disk(parent);
}

/// A checkpoint that cannot be removed costs space, not safety: a warning.
void remove_old(const Path& run, int64_t step, int keep_last) {
  const auto steps = list_checkpoints(run);
  if (!steps) return log_warn("{}", steps.error().message);
  const auto up_to = std::ranges::upper_bound(*steps, step) - steps->begin();
  for (int64_t i = 0; i < up_to - keep_last; ++i) {
    // Renamed first: a kill in the middle of the removal must not leave a half checkpoint.
    const Path old = checkpoint_folder(run, (*steps)[i]);
    const Staging doomed(checkpoints_of(run) / fmt::format("{}old-{}", kTemporary, (*steps)[i]));
    if (auto renamed = rename_folder(old, doomed.folder); !renamed) {
      log_warn("{}; remove it by hand", renamed.error().message);
    }
  }
}

/// Which step to try instead of a damaged one.
std::string remedy(const Path& run, int64_t step) {
  const auto steps = list_checkpoints(run);
  const auto earlier = steps ? std::ranges::lower_bound(*steps, step) - steps->begin() : 0;
  if (earlier == 0) return "there is no earlier checkpoint; restore this one from a copy";
  return fmt::format("resume from the earlier step {}", (*steps)[earlier - 1]);
}

}  // namespace

Path checkpoint_folder(const Path& run, int64_t step) {
  return checkpoints_of(run) / fmt::format("step-{}", step);
}

Result<void> save_checkpoint(const Path& run, int64_t step,
                             const std::function<Result<void>(const Path& folder)>& write_model,
                             const TrainState& state, int keep_last) {
  CHECK(step >= 0 && state.step == step, "checkpoint of step {} with the state of step {}", step,
        state.step);
  CHECK(keep_last >= 1, "keep_last {}", keep_last);
  R1_RETURN_IF_ERROR(make_folder(checkpoints_of(run)));
  R1_RETURN_IF_ERROR(remove_leftovers(run));
  const Staging staging(checkpoints_of(run) / fmt::format("{}step-{}", kTemporary, step));
  R1_RETURN_IF_ERROR(make_folder(staging.folder));
  R1_RETURN_IF_ERROR(write_model(staging.folder));
  R1_RETURN_IF_ERROR(write_safetensors_file(staging.folder / kTensorsName, state.tensors));
  R1_RETURN_IF_ERROR(write_text_atomic(staging.folder / kProgressName, state.json));
  R1_RETURN_IF_ERROR(write_manifest(staging.folder, step));
  R1_RETURN_IF_ERROR(publish(staging.folder, checkpoint_folder(run, step)));
  remove_old(run, step, keep_last);
  return {};
}

Result<std::vector<int64_t>> list_checkpoints(const Path& run) {
  R1_TRY(const std::vector<std::string> names, list_folders(run));
  std::vector<int64_t> steps;
  for (const std::string& name : names) {
    std::error_code absent;
    const auto step = step_of(name);
    if (step && std::filesystem::exists(checkpoints_of(run) / name / kManifestName, absent)) {
      steps.push_back(*step);
    }
  }
  std::ranges::sort(steps);
  return steps;
}

Result<LoadedState> load_checkpoint(const Path& run, int64_t step) {
  const Path folder = checkpoint_folder(run, step);
  if (auto verified = verify_manifest(folder, step); !verified) {
    return fail("{}: {}; {}", folder.string(), verified.error().message, remedy(run, step));
  }
  R1_TRY(std::string progress, read_text(folder / kProgressName));
  R1_TRY(Source tensors, Source::open_file(folder / kTensorsName));
  return LoadedState{folder, step, std::move(progress), std::move(tensors)};
}

Result<std::optional<int64_t>> latest_good_checkpoint(const Path& run) {
  R1_TRY(const std::vector<int64_t> steps, list_checkpoints(run));
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const Path folder = checkpoint_folder(run, *step);
    const auto verified = verify_manifest(folder, *step);
    if (verified) return *step;
    log_warn("{}: {}; it is passed over", folder.string(), verified.error().message);
  }
  if (steps.empty()) return std::nullopt;
  return fail(
      "{}: all {} checkpoints are damaged; restore one from a copy, or start in a new folder",
      checkpoints_of(run).string(), steps.size());
}

Result<void> LoadedState::read(const std::string& name, Tensor destination) const {
  const StoredTensor* stored = tensors.find(name);
  if (stored == nullptr) {
    return fail("{}: no tensor '{}'; the run's config is not the one that saved it",
                (folder / kTensorsName).string(), name);
  }
  if (stored->dtype != stored_dtype(destination.dtype)) {
    return fail("{}: tensor '{}' is {}, not {}; the run's config is not the one that saved it",
                (folder / kTensorsName).string(), name, stored_dtype_name(stored->dtype),
                dtype_name(destination.dtype));
  }
  auto copied = read_into(*stored, destination);
  if (!copied) return fail_with(copied.error().with((folder / kTensorsName).string()));
  return copied;
}

}  // namespace r1
