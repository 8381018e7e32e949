// Rows of stored tensors in every order and type, and FP8 with its scales.
#include <gtest/gtest.h>

#include <sys/mman.h>

#include <cmath>

#include "checkpoint/fixtures.h"
#include "checkpoint/fp8.h"
#include "checkpoint/source.h"
#include "checkpoint/stream.h"
#include "tensor/float8.h"
#include "tensor/quant.h"

namespace r1 {
namespace {

template <class T>
StoredTensor stored(StoredDtype dtype, std::vector<int64_t> shape, const std::vector<T>& values) {
  return {"w", dtype, std::move(shape), std::as_bytes(std::span(values))};
}

std::vector<float> rows_of(const StoredTensor& tensor, int64_t begin, int64_t end) {
  std::vector<float> values((end - begin) * tensor.row_elements());
  const Tensor to(values.data(), Dtype::kF32, {end - begin, tensor.row_elements()});
  EXPECT_TRUE(ok(read_rows(tensor, begin, end, to)));
  return values;
}

TEST(Rows, SomeRowsOfAMatrixAsTheyAre) {
  const std::vector<float> values = {0, 1, 2, 3, 4, 5};
  const StoredTensor tensor = stored(StoredDtype::kF32, {3, 2}, values);
  EXPECT_EQ(rows_of(tensor, 1, 3), (std::vector<float>{2, 3, 4, 5}));
  EXPECT_TRUE(rows_of(tensor, 2, 2).empty());
}

TEST(Rows, RotaryPairsOfGgufComeBackInOrder) {
  // Two heads of 4 rows: the file has rows 0 2 1 3 of each head.
  const std::vector<float> values = {0, 2, 1, 3, 10, 12, 11, 13};
  StoredTensor tensor = stored(StoredDtype::kF32, {8, 1}, values);
  tensor.order = {RowOrder::Kind::kRopePairs, 4, 0};
  EXPECT_EQ(rows_of(tensor, 0, 8), (std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13}));
  EXPECT_EQ(rows_of(tensor, 5, 7), (std::vector<float>{11, 12}));
  OwnedTensor narrow(Dtype::kBF16, {8, 1});
  ASSERT_TRUE(ok(read_rows(tensor, 0, 8, narrow.tensor)));
  EXPECT_EQ(bf16_to_f32(narrow.tensor.u16()[1]), 1.0f);
}

TEST(Rows, SplitKeysAndValuesComeBackAsOneMatrix) {
  // Two heads, latent of 2, two key rows and one value row each: (6, 2).
  const std::vector<float> wanted = {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};
  const std::vector<float> keys = {1, 3, 2, 4, 11, 13, 12, 14};  // (H, 2, 2), transposed
  const std::vector<float> values = {5, 6, 15, 16};              // (H, 1, 2)
  StoredTensor tensor = stored(StoredDtype::kF32, {6, 2}, keys);
  tensor.order = {RowOrder::Kind::kSplitKeysValues, 3, 2};
  tensor.values = std::as_bytes(std::span(values));
  EXPECT_EQ(rows_of(tensor, 0, 6), wanted);
  for (int64_t begin = 0; begin < 6; ++begin) {
    for (int64_t end = begin; end <= 6; ++end) {
      EXPECT_EQ(rows_of(tensor, begin, end),
                std::vector<float>(wanted.begin() + 2 * begin, wanted.begin() + 2 * end));
    }
  }
}

TEST(Rows, Fp8IsCodeTimesTheScaleOfItsBlock) {
  // 3 x 5 in blocks of 2 x 4: four blocks.
  const std::vector<uint8_t> codes(15, 0x38);  // 1.0
  const std::vector<float> scales = {2, 3, 5, 7};
  StoredTensor tensor = stored(StoredDtype::kF8E4M3, {3, 5}, codes);
  tensor.scale = std::as_bytes(std::span(scales));
  tensor.scale_rows = 2;
  tensor.scale_cols = 4;
  EXPECT_EQ(rows_of(tensor, 1, 3), (std::vector<float>{2, 2, 2, 2, 3, 5, 5, 5, 5, 7}));
}

TEST(Rows, BlocksAreCopiedOrMadeFromF32) {
  std::vector<float> values(2 * 32);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) - 20;
  const int64_t row_bytes = block_bytes(BlockFormat::kQ8_0);
  std::vector<std::byte> blocks(2 * row_bytes), copied(row_bytes);
  const StoredTensor plain = stored(StoredDtype::kF32, {2, 32}, values);
  ASSERT_TRUE(ok(read_row_blocks(plain, 0, 2, BlockFormat::kQ8_0, blocks.data())));
  std::vector<std::byte> wanted(2 * row_bytes);
  quantize(BlockFormat::kQ8_0, values.data(), wanted.data(), 64);
  EXPECT_EQ(blocks, wanted);
  const StoredTensor quantised = stored(StoredDtype::kQ8_0, {2, 32}, blocks);
  ASSERT_TRUE(ok(read_row_blocks(quantised, 1, 2, BlockFormat::kQ8_0, copied.data())));
  EXPECT_TRUE(std::equal(copied.begin(), copied.end(), blocks.begin() + row_bytes));
  std::vector<float> back(32);
  dequantize(BlockFormat::kQ8_0, copied.data(), back.data(), 32);
  EXPECT_EQ(rows_of(quantised, 1, 2), back);
  const std::vector<float> odd(33);
  expect_error(read_row_blocks(stored(StoredDtype::kF32, {1, 33}, odd), 0, 1, BlockFormat::kQ8_0,
                               blocks.data()),
               {"'w'", "33", "Q8_0"});
}

TEST(Rows, BlockFormatsAreNotSafetensorsTypes) {
  EXPECT_FALSE(parse_stored_dtype("Q8_0").has_value());
  EXPECT_EQ(known_stored_dtypes().find("Q8_0"), std::string::npos);
  EXPECT_EQ(stored_bytes(StoredDtype::kQ6_K, 512), 2 * 210);
}

TEST(Rows, ReleasedRowsOfMemoryStayAsTheyAre) {
  // Dropping pages of memory would clear them: only mapped files may be released.
  std::vector<float> values(1 << 16, 1.5f);
  const StoredTensor tensor = stored(StoredDtype::kF32, {64, 1024}, values);
  release_rows(tensor, 0, 64);
  EXPECT_EQ(values[30000], 1.5f);
}

TEST(Rows, ReleasedRowsOfAFileCanBeReadAgain) {
  const TestFolder folder;
  OwnedTensor big(Dtype::kF32, {64, 1024});
  ASSERT_TRUE(ok(write_safetensors(folder.path, {{"w", big.tensor}})));
  const auto source = Source::open(folder.path);
  ASSERT_TRUE(ok(source));
  const StoredTensor& tensor = *source->find("w");
  release_rows(tensor, 0, 64);
  EXPECT_EQ(rows_of(tensor, 33, 34)[5], 33.0f * 1024 + 5);
}

TEST(Fp8, QuantisesRaggedBlocksToLargestOver448) {
  const int64_t N = 3, K = 130;
  std::vector<float> rows(N * K, 0.5f);
  rows[7] = -8.96f;
  std::vector<uint8_t> codes(N * K);
  std::vector<float> scales(2);
  quantize_fp8_rows(rows.data(), N, K, codes.data(), scales.data());
  EXPECT_EQ(scales[0], 8.96f / 448);
  EXPECT_EQ(scales[1], 0.5f / 448);
  EXPECT_EQ(codes[7], 0xFE);    // -448
  EXPECT_EQ(codes[128], 0x7E);  // 448
  EXPECT_EQ(codes[8], f32_to_e4m3(0.5f / scales[0]));
}

TEST(Fp8, NamesThatDeepSeekStoresSo) {
  for (const char* name : {"model.layers.3.mlp.experts.12.up_proj.weight",
                           "model.layers.0.self_attn.kv_a_proj_with_mqa.weight",
                           "model.layers.61.mlp.shared_experts.down_proj.weight"}) {
    EXPECT_TRUE(is_fp8_matrix(name)) << name;
  }
  for (const char* name :
       {"model.embed_tokens.weight", "lm_head.weight", "model.norm.weight",
        "model.layers.3.mlp.gate.weight", "model.layers.61.eh_proj.weight",
        "model.layers.3.mlp.gate.e_score_correction_bias", "model.layers.0.self_attn.q_proj.bias",
        "model.layers.61.shared_head.head.weight"}) {
    EXPECT_FALSE(is_fp8_matrix(name)) << name;
  }
}

/// A matrix of 130 x 200 and a norm, in two shards, as f32.
struct Fp8Model {
  TestFolder f32, fp8, again;
  OwnedTensor matrix{Dtype::kF32, {130, 200}, -300}, norm{Dtype::kF32, {200}};
  const char* name = "model.layers.0.self_attn.o_proj.weight";
  ThreadPool pool{2};

  Result<void> write(const Path& to, const Path& from, std::optional<StoredDtype> dtype) {
    R1_TRY(const Source source, Source::open(from));
    return write_folder_weights(to, source, dtype, pool, [](int64_t, int64_t) {});
  }
};

TEST(Fp8, FolderIsWrittenReadAndWrittenAgainByteForByte) {
  Fp8Model model;
  ASSERT_TRUE(ok(write_safetensors(model.f32.path, {{model.name, model.matrix.tensor},
                                                    {"model.norm.weight", model.norm.tensor}})));
  ASSERT_TRUE(ok(model.write(model.fp8.path, model.f32.path, StoredDtype::kF8E4M3)));
  const auto source = Source::open(model.fp8.path);
  ASSERT_TRUE(ok(source));
  EXPECT_EQ(source->names(), (std::vector<std::string>{model.name, "model.norm.weight"}));
  const StoredTensor& matrix = *source->find(model.name);
  EXPECT_EQ(matrix.dtype, StoredDtype::kF8E4M3);
  EXPECT_TRUE(source->find(std::string(model.name) + "_scale_inv")->is_consumed);
  const std::vector<float> values = rows_of(matrix, 0, 130);
  for (int64_t i = 0; i < 130 * 200; ++i) {
    EXPECT_NEAR(values[i], model.matrix.tensor.f32()[i],
                std::fabs(model.matrix.tensor.f32()[i]) / 16 + 0.5f);
  }
  for (const auto dtype : {std::optional<StoredDtype>(), std::optional(StoredDtype::kF8E4M3)}) {
    ASSERT_TRUE(ok(model.write(model.again.path, model.fp8.path, dtype)));
    EXPECT_EQ(read_bytes(model.again.path / kWeightsName),
              read_bytes(model.fp8.path / kWeightsName));
  }
  ASSERT_TRUE(ok(model.write(model.again.path, model.fp8.path, StoredDtype::kF32)));
  const auto wide = Source::open(model.again.path);
  ASSERT_TRUE(ok(wide));
  EXPECT_EQ(rows_of(*wide->find(model.name), 0, 130), values);
  EXPECT_EQ(wide->find(std::string(model.name) + "_scale_inv"), nullptr);
}

TEST(Fp8, ScaleMayLieInAnotherShard) {
  const TestFolder folder;
  const auto shard = [&](const char* file, const std::string& header, size_t n) {
    write_bytes(folder.path / file, safetensors_bytes(header, n));
  };
  shard("model-00001-of-00002.safetensors",
        R"({"x.weight":{"dtype":"F8_E4M3","shape":[2,3],"data_offsets":[0,6]}})", 6);
  shard("model-00002-of-00002.safetensors",
        R"({"x.weight_scale_inv":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}})", 4);
  write_bytes(folder.path / kIndexName,
              R"({"weight_map":{"x.weight":"model-00001-of-00002.safetensors",
                  "x.weight_scale_inv":"model-00002-of-00002.safetensors"}})");
  const auto source = Source::open(folder.path);
  ASSERT_TRUE(ok(source));
  EXPECT_EQ(source->find("x.weight")->scale.size(), 4u);
}

TEST(Fp8, MissingAndMisshapenScalesAreNamedInOneError) {
  const TestFolder folder;
  write_bytes(folder.path / kWeightsName,
              safetensors_bytes(
                  R"({"a.weight":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},)"
                  R"("b.weight":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[4,8]},)"
                  R"("b.weight_scale_inv":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}})",
                  16));
  expect_error(Source::open(folder.path),
               {"a.weight_scale_inv is missing", "b.weight_scale_inv", "(2, 1)", "(1, 1)"});
  write_bytes(folder.path / "config.json",
              R"({"quantization_config":{"weight_block_size":[0,1]}})");
  expect_error(Source::open(folder.path), {"config.json", "weight_block_size"});
}

}  // namespace
}  // namespace r1
