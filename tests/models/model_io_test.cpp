// Model folders: loaded, saved, and refused with everything that does not fit in one error.
#include "models/model_io.h"

#include <cmath>

#include "base/scratch.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/source.h"
#include "models/family.h"
#include "models/tiny_model.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

Launch launch() { return best_launch(); }

/// A model folder as another program might have written it.
void write_folder(const Path& folder, const Transformer& model) {
  const ModelAssets assets{{"config.json", kLlama.write_config(model.config(), "float32")},
                           {"generation_config.json", "{\"eos_token_id\": [5, 6]}\n"},
                           {"tokenizer_config.json", "{ \"odd\" :  1}"}};
  const auto saved = save_model(folder, model, assets);
  ASSERT_TRUE(saved) << saved.error().message;
}

TEST(ModelIo, LoadingAndSavingChangesNoByte) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    for (StoreUse use : {StoreUse::kReference, StoreUse::kTraining}) {
      for (bool tied : {false, true}) {
        Scratch scratch;
        ModelConfig config = tiny_config();
        config.tie_word_embeddings = tied;
        write_folder(scratch / "a", *random_model(config, dtype, launch()));
        const auto loaded = load_model(scratch / "a", {.dtype = "auto", .use = use}, launch());
        ASSERT_TRUE(loaded) << loaded.error().message;
        EXPECT_EQ(loaded->model->dtype(), dtype);
        EXPECT_EQ(loaded->model->config().eos_token_ids,
                  (std::vector<int32_t>{5, 6}));  // generation config wins
        ASSERT_TRUE(save_model(scratch / "b", *loaded->model, loaded->assets));
        for (const char* name : {"model.safetensors", "config.json", "generation_config.json",
                                 "tokenizer_config.json"}) {
          EXPECT_EQ(*read_text(scratch / "a" / name), *read_text(scratch / "b" / name)) << name;
        }
      }
    }
  }
}

TEST(ModelIo, BfloatWeightsWidenExactlyAndRoundBack) {
  Scratch scratch;
  write_folder(scratch / "a", *random_model(tiny_config(), Dtype::kBF16, launch()));
  const auto wide =
      load_model(scratch / "a", {.dtype = "f32", .use = StoreUse::kTraining}, launch());
  ASSERT_TRUE(wide) << wide.error().message;
  ASSERT_TRUE(save_model(scratch / "b", *wide->model, wide->assets));
  const auto back =
      load_model(scratch / "b", {.dtype = "bf16", .use = StoreUse::kTraining}, launch());
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_TRUE(save_model(scratch / "c", *back->model, back->assets));
  EXPECT_EQ(*read_text(scratch / "a" / "model.safetensors"),
            *read_text(scratch / "c" / "model.safetensors"));
}

TEST(ModelIo, ListsEveryMissingUnexpectedAndMisshapenTensorInOneError) {
  Scratch scratch;
  const auto model = random_model(tiny_config(), Dtype::kF32, launch());
  write_folder(scratch / "a", *model);
  std::vector<NamedTensor> tensors;
  for (const Parameter* p : model->store().parameters()) {
    Tensor t = p->weight;
    if (p->name == "model.norm.weight" || p->name == "lm_head.weight") continue;
    if (p->name == "model.layers.1.mlp.up_proj.weight")
      t = Tensor(t.data, t.dtype, {t.cols(), t.rows()});
    tensors.push_back({p->name, t});
  }
  const Tensor extra = tensors[0].tensor;
  tensors.push_back({"model.layers.0.self_attn.q_proj.bias", extra});
  tensors.push_back({"model.layers.3.mlp.up_proj.weight", extra});
  tensors.push_back(
      {"model.layers.0.self_attn.rotary_emb.inv_freq", extra});  // old files hold it: ignored
  ASSERT_TRUE(write_safetensors(scratch / "a", tensors));
  const auto loaded = load_model(scratch / "a", {.dtype = "auto"}, launch());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(
      loaded.error().message,
      (scratch / "a").string() +
          ": weights do not fit config.json; copy both files from the same model:"
          "\n  missing: model.norm.weight"
          "\n  missing: lm_head.weight"
          "\n  model.layers.1.mlp.up_proj.weight: has shape (48, 80), config.json asks for (80, 48)"
          "\n  unexpected: model.layers.0.self_attn.q_proj.bias"
          "\n  unexpected: model.layers.3.mlp.up_proj.weight");
}

TEST(ModelIo, ATiedModelMayCarryItsHeadTwice) {
  Scratch scratch;
  ModelConfig config = tiny_config();
  const auto untied = random_model(config, Dtype::kF32, launch());
  config.tie_word_embeddings = true;
  write_folder(scratch / "a", *untied);
  ASSERT_TRUE(
      write_text_atomic(scratch / "a" / "config.json", kLlama.write_config(config, "float32")));
  EXPECT_TRUE(load_model(scratch / "a", {.dtype = "auto"}, launch()));
}

TEST(ModelIo, RefusesWhatIsNoModelFolder) {
  Scratch scratch;
  const auto message = [&](const Path& folder, const std::string& dtype = "auto") {
    const auto loaded = load_model(folder, {.dtype = dtype}, launch());
    return loaded ? std::string("accepted") : loaded.error().message;
  };
  EXPECT_EQ(message(scratch / "none"), (scratch / "none").string() + ": no such model folder");
  std::filesystem::create_directory(scratch / "empty");
  EXPECT_NE(message(scratch / "empty").find("no config.json; a model is a Hugging Face folder"),
            std::string::npos);
  write_folder(scratch / "a", *random_model(tiny_config(), Dtype::kF32, launch()));
  const auto halves =
      load_model(scratch / "a", {.dtype = "f16", .use = StoreUse::kTraining}, launch());
  ASSERT_FALSE(halves);
  EXPECT_NE(halves.error().message.find("f16 is for inference; use auto, f32 or bf16"),
            std::string::npos);
  EXPECT_NE(message(scratch / "a", "q8_0").find("use auto, f32 or bf16"), std::string::npos);
  EXPECT_NE(message(scratch / "a", "i32"), "accepted");
  EXPECT_NE(message(scratch / "a", "int4"), "accepted");
  ASSERT_TRUE(write_text_atomic(scratch / "a" / "config.json", "{}"));
  EXPECT_NE(message(scratch / "a").find((scratch / "a").string() + ": config.json has no"),
            std::string::npos);
}

TEST(ModelIo, HostileGenerationConfigsAreIgnoredOrRead) {
  Scratch scratch;
  write_folder(scratch / "a", *random_model(tiny_config(), Dtype::kF32, launch()));
  for (const char* text : {"", "[", "[1]", "{\"eos_token_id\": \"x\"}", "{\"eos_token_id\": null}",
                           "{\"eos_token_id\": {}}"}) {
    ASSERT_TRUE(write_text_atomic(scratch / "a" / "generation_config.json", text));
    const auto config = open_config(scratch / "a");
    ASSERT_TRUE(config) << text;
    EXPECT_EQ(config->eos_token_ids, (std::vector<int32_t>{1})) << text;
  }
}

}  // namespace
}  // namespace r1
