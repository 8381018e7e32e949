#include "train/open_model.h"

#include "train/run.h"

namespace r1 {

Result<OpenModel> open_model(const ModelOptions& options, const Launch& launch, bool with_mtp) {
  if (options.model.empty()) return fail("model is not set; name a model folder: --model DIR");
  R1_TRY(const ModelPaths paths, find_model(options.model, options.adapter));
  OpenModel open;
  open.words = paths.words;
  R1_TRY(open.loaded, load_model(paths,
                                 {.dtype = options.dtype,
                                  .quantize = options.quantize,
                                  .mla_form = options.mla_form,
                                  .mtp = with_mtp},
                                 launch));
  R1_TRY(open.kv_dtype, kv_dtype_of(options.kv_dtype, open.model().dtype()));
  return open;
}

}  // namespace r1
