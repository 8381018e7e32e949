// Checkpoints of a run: RUN/checkpoints/step-N/ is a loadable model plus all that training needs to
// go on.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "checkpoint/source.h"
#include "checkpoint/stored.h"

namespace r1 {

/// What a run needs beside the model. The tensors are views: master weights, moments.
struct TrainState {
  int64_t step = 0;
  std::string json;  // cursor, counters, hashes: the caller's, kept byte for byte
  std::vector<NamedTensor> tensors;
};

/// A checkpoint whose every file has been verified.
struct LoadedState {
  Path folder;  // the model's
  int64_t step = 0;
  std::string json;
  Source tensors;

  /// Copies one tensor; its type and shape must be those that were saved.
  Result<void> read(const std::string& name, Tensor destination) const;
};

/// Writes checkpoints/tmp-step-N: the model, progress.json (its json), train_state.safetensors, and
/// last train_state.json with size and XXH3 of every file; syncs it and renames it to step-N. Then
/// removes all but the newest keep_last (at least 1) of the checkpoints up to this step; later
/// ones, from before a resume, stay. After an error or a kill there is no half step-N, and the
/// earlier checkpoints are as they were. One process at a time may save to a run.
Result<void> save_checkpoint(const Path& run, int64_t step,
                             const std::function<Result<void>(const Path& folder)>& write_model,
                             const TrainState& state, int keep_last);

/// Steps whose checkpoint was completely written, ascending; none when the run has no such folder.
Result<std::vector<int64_t>> list_checkpoints(const Path& run);

/// Verifies all files first; an error names the damaged file and an earlier step to resume from.
Result<LoadedState> load_checkpoint(const Path& run, int64_t step);

/// The newest step that verifies, with a warning for each damaged one; nullopt when there are no
/// checkpoints, an error when all are damaged.
Result<std::optional<int64_t>> latest_good_checkpoint(const Path& run);

Path checkpoint_folder(const Path& run, int64_t step);  // RUN/checkpoints/step-N

}  // namespace r1
