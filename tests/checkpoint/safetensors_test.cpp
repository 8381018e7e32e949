#include "checkpoint/safetensors.h"

#include <unistd.h>

#include "checkpoint/fixtures.h"
#include "checkpoint/source.h"

namespace r1 {
namespace {

/// Views of what a file holds, in its order, so that it can be written again. Only types of ours.
std::vector<NamedTensor> named_views(const std::vector<StoredTensor>& tensors) {
  std::vector<NamedTensor> named;
  for (const StoredTensor& stored : tensors) {
    Tensor view;
    view.data = const_cast<std::byte*>(stored.bytes.data());
    view.dtype = stored.dtype == StoredDtype::kBF16  ? Dtype::kBF16
                 : stored.dtype == StoredDtype::kF16 ? Dtype::kF16
                 : stored.dtype == StoredDtype::kI32 ? Dtype::kI32
                                                     : Dtype::kF32;
    view.rank = static_cast<int>(stored.shape.size());
    std::copy(stored.shape.begin(), stored.shape.end(), view.shape.begin());
    named.push_back({stored.name, view});
  }
  return named;
}

std::vector<std::byte> to_vector(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

struct Weights {
  OwnedTensor embed{Dtype::kF32, {5, 3}}, norm{Dtype::kBF16, {3}, 1},
      gate{Dtype::kF16, {1, 2, 3}, -4}, ids{Dtype::kI32, {7}, 100}, none{Dtype::kF32, {0, 4}};
  std::vector<NamedTensor> named() const {
    return {{"z.embed", embed.tensor},
            {"a.norm", norm.tensor},
            {"gate", gate.tensor},
            {"none", none.tensor},
            {"ids \"é\"", ids.tensor}};
  }
};

TEST(Safetensors, WritesTheBytesOfTheFormat) {
  const TestFolder folder;
  OwnedTensor a(Dtype::kBF16, {3}, 1);
  ASSERT_TRUE(ok(write_safetensors(folder.path, {{"a", a.tensor}})));
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}})";
  const std::string expected = header + std::string((8 - header.size() % 8) % 8, ' ');
  std::string file = safetensors_bytes(expected, 0) + std::string("\x80\x3f\x00\x40\x40\x40", 6);
  EXPECT_EQ(read_bytes(folder.path / "model.safetensors"), file);
  EXPECT_EQ((8 + expected.size()) % 8, 0u);
  EXPECT_EQ(files_in(folder.path), std::vector<std::string>{"model.safetensors"});
}

TEST(Safetensors, ReadsAHeaderMadeByHand) {
  const std::string bytes = safetensors_bytes(
      R"( {"b": {"dtype":"U8","shape":[2],"data_offsets":[2,4],"note":"kept out"},
           "a": {"data_offsets":[0,2],"shape":[1,1],"dtype":"BF16"}} )",
      4);
  const auto tensors = parse_safetensors(std::as_bytes(std::span(bytes)));
  ASSERT_TRUE(ok(tensors));
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].shape_text(), "(1, 1)");
  EXPECT_EQ((*tensors)[1].bytes[1], std::byte{3});
}

TEST(Safetensors, RoundTripsEveryTypeAndShape) {
  const TestFolder folder;
  const Weights weights;
  ASSERT_TRUE(ok(write_safetensors(folder.path, weights.named())));
  const auto file = SafetensorsFile::open(folder.path / "model.safetensors");
  ASSERT_TRUE(ok(file));
  ASSERT_EQ(file->tensors().size(), 5u);
  EXPECT_EQ(file->tensors()[0].name, "z.embed");  // the order given
  EXPECT_EQ(file->tensors()[4].name, "ids \"é\"");
  EXPECT_EQ(to_vector(file->tensors()[0].bytes), weights.embed.bytes());
  EXPECT_EQ(to_vector(file->tensors()[1].bytes), weights.norm.bytes());
  EXPECT_EQ(to_vector(file->tensors()[4].bytes), weights.ids.bytes());
  EXPECT_EQ(file->tensors()[2].shape_text(), "(1, 2, 3)");
  EXPECT_EQ(file->tensors()[3].bytes.size(), 0u);
}

TEST(Safetensors, SavingWhatWasLoadedGivesTheSameBytes) {
  const TestFolder one, two;
  const Weights weights;
  ASSERT_TRUE(ok(write_safetensors(one.path, weights.named())));
  const auto file = SafetensorsFile::open(one.path / "model.safetensors");
  ASSERT_TRUE(file);
  ASSERT_TRUE(ok(write_safetensors(two.path, named_views(file->tensors()))));
  EXPECT_EQ(read_bytes(one.path / "model.safetensors"), read_bytes(two.path / "model.safetensors"));
  // Also over the very file that is mapped.
  ASSERT_TRUE(ok(write_safetensors(one.path, named_views(file->tensors()))));
  EXPECT_EQ(read_bytes(one.path / "model.safetensors"), read_bytes(two.path / "model.safetensors"));
}

TEST(Safetensors, NoTensorsIsAModelToo) {
  const TestFolder folder;
  ASSERT_TRUE(ok(write_safetensors(folder.path, {})));
  const auto source = Source::open(folder.path);
  ASSERT_TRUE(ok(source));
  EXPECT_TRUE(source->names().empty());
}

TEST(Safetensors, ShardsAreFilledInOrderAndIndexed) {
  const TestFolder folder;
  const Weights weights;  // 60, 6, 12, 0, 28 bytes
  ASSERT_TRUE(ok(write_safetensors(folder.path, weights.named(), 40)));
  EXPECT_EQ(files_in(folder.path),
            (std::vector<std::string>{
                "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                "model-00003-of-00003.safetensors", "model.safetensors.index.json"}));
  EXPECT_EQ(read_bytes(folder.path / "model.safetensors.index.json"), R"({
  "metadata": {
    "total_size": 106
  },
  "weight_map": {
    "a.norm": "model-00002-of-00003.safetensors",
    "gate": "model-00002-of-00003.safetensors",
    "ids \"é\"": "model-00003-of-00003.safetensors",
    "none": "model-00002-of-00003.safetensors",
    "z.embed": "model-00001-of-00003.safetensors"
  }
}
)");
  const auto source = Source::open(folder.path);
  ASSERT_TRUE(ok(source));
  EXPECT_EQ(to_vector(source->find("z.embed")->bytes), weights.embed.bytes());
  EXPECT_EQ(to_vector(source->find("gate")->bytes), weights.gate.bytes());
}

TEST(Safetensors, AnotherModelsFilesGiveWay) {
  const TestFolder folder;
  const Weights weights;
  write_bytes(folder.path / "model-card.safetensors", "not ours");
  ASSERT_TRUE(ok(write_safetensors(folder.path, weights.named(), 40)));
  ASSERT_TRUE(ok(write_safetensors(folder.path, weights.named(), 70)));
  EXPECT_EQ(files_in(folder.path).size(), 4u);  // two shards, the index, the card
  ASSERT_TRUE(ok(Source::open(folder.path)));
  ASSERT_TRUE(ok(write_safetensors(folder.path, weights.named())));
  EXPECT_EQ(files_in(folder.path),
            (std::vector<std::string>{"model-card.safetensors", "model.safetensors"}));
  ASSERT_TRUE(ok(write_safetensors(folder.path, weights.named(), 40)));
  EXPECT_FALSE(std::filesystem::exists(folder.path / "model.safetensors"));
  EXPECT_TRUE(ok(Source::open(folder.path)));
}

TEST(Safetensors, TooLittleSpaceIsFoundBeforeTheFirstByte) {
  const TestFolder folder;
  const Tensor huge(nullptr, Dtype::kF32, {int64_t{1} << 58});  // 1 EiB, never touched
  expect_error(write_safetensors(folder.path, {{"huge", huge}}), {"free", "need"});
  EXPECT_TRUE(files_in(folder.path).empty());
}

TEST(Safetensors, AFolderBelowAFileIsAnError) {
  const TestFolder folder;
  const Weights weights;
  write_bytes(folder.path / "file", "x");
  expect_error(write_safetensors(folder.path / "file" / "model", weights.named()), {"file"});
  expect_error(write_safetensors_file(folder.path / "file" / "x.safetensors", weights.named()),
               {"file"});
}

TEST(Safetensors, AReadOnlyFolderIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "permissions do not bind root";
  const TestFolder folder;
  std::filesystem::permissions(folder.path, std::filesystem::perms(0500));
  const Weights weights;
  expect_error(write_safetensors(folder.path, weights.named()), {"permission"});
  std::filesystem::permissions(folder.path, std::filesystem::perms(0700));
}

TEST(SafetensorsDeathTest, TheSameNameTwiceIsOurMistake) {
  const TestFolder folder;
  OwnedTensor a(Dtype::kF32, {1});
  EXPECT_DEATH((void)write_safetensors(folder.path, {{"a", a.tensor}, {"a", a.tensor}}),
               "'a' twice");
}

class SharedModel : public testing::TestWithParam<const char*> {};

TEST_P(SharedModel, SavedAgainHoldsTheSameTensors) {
  const char* data = std::getenv("R1_SHARED_DATA");
  if (data == nullptr) GTEST_SKIP() << "R1_SHARED_DATA is not set";
  const std::filesystem::path path =
      std::filesystem::path(data) / "models" / GetParam() / "model.safetensors";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  const auto original = SafetensorsFile::open(path);
  ASSERT_TRUE(ok(original));
  const TestFolder folder;
  ASSERT_TRUE(ok(write_safetensors(folder.path, named_views(original->tensors()), 300'000)));
  const auto saved = Source::open(folder.path);
  ASSERT_TRUE(ok(saved));
  ASSERT_EQ(saved->names().size(), original->tensors().size());
  for (const StoredTensor& tensor : original->tensors()) {
    EXPECT_EQ(to_vector(saved->find(tensor.name)->bytes), to_vector(tensor.bytes)) << tensor.name;
  }
  if (std::string(GetParam()) ==
      "verl_arithmetic_tiny_llama") {  // written by the reference library
    ASSERT_TRUE(ok(write_safetensors(folder.path, named_views(original->tensors()))));
    EXPECT_EQ(read_bytes(folder.path / "model.safetensors"), read_bytes(path));
  }
}

INSTANTIATE_TEST_SUITE_P(Safetensors, SharedModel,
                         testing::Values("verl_arithmetic_tiny_llama", "stories260K/hf"));

}  // namespace
}  // namespace r1
