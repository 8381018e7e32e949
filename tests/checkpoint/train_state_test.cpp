#include "checkpoint/train_state.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "base/log.h"
#include "checkpoint/fixtures.h"
#include "checkpoint/safetensors.h"

namespace r1 {
namespace {

using Steps = std::vector<int64_t>;
namespace fs = std::filesystem;

struct Run : testing::Test {
  TestFolder folder;
  Path run = folder.path / "run";
  OwnedTensor weight{Dtype::kBF16, {64, 3}}, moment{Dtype::kF32, {64, 3}, 0.5f};

  Result<void> write_model(const Path& to) const {
    R1_RETURN_IF_ERROR(write_text_atomic(to / "config.json", "{}"));
    return write_safetensors(to, {{"w", weight.tensor}});
  }
  TrainState state(int64_t step) const {
    return {step, "{\"cursor\": " + std::to_string(step) + "}", {{"adam.m/w", moment.tensor}}};
  }
  Result<void> save(int64_t step, int keep_last = 3) const {
    return save_checkpoint(
        run, step, [&](const Path& to) { return write_model(to); }, state(step), keep_last);
  }
  Steps listed() const {
    const auto steps = list_checkpoints(run);
    EXPECT_TRUE(steps);
    return steps ? *steps : Steps{};
  }
  Path file(int64_t step, const std::string& name) const {
    return checkpoint_folder(run, step) / name;
  }
  /// In place; a second call mends it.
  void flip_bit(const Path& path, size_t bit) const {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(bit / 8));
    const int byte = file.get();
    ASSERT_NE(byte, EOF);
    file.seekp(static_cast<std::streamoff>(bit / 8));
    file.put(static_cast<char>(byte ^ 1 << bit % 8));
  }
};

/// Runs body in a forked child and returns its wait status; _exit keeps gtest out of it.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(99);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(Run, ARunWithoutCheckpointsHasNone) {
  EXPECT_EQ(listed(), Steps{});
  const auto latest = latest_good_checkpoint(run);
  ASSERT_TRUE(latest);
  EXPECT_EQ(*latest, std::nullopt);
  expect_error(load_checkpoint(run, 3), {"step-3", "no earlier checkpoint"});
}

TEST_F(Run, WhatWasSavedIsLoaded) {
  ASSERT_TRUE(ok(save(20)));
  EXPECT_EQ(files_in(checkpoint_folder(run, 20)),
            (std::vector<std::string>{"config.json", "model.safetensors", "progress.json",
                                      "train_state.json", "train_state.safetensors"}));
  const auto loaded = load_checkpoint(run, 20);
  ASSERT_TRUE(ok(loaded));
  EXPECT_EQ(loaded->step, 20);
  EXPECT_EQ(loaded->json, "{\"cursor\": 20}");
  OwnedTensor moment_read(Dtype::kF32, {64, 3});
  ASSERT_TRUE(ok(loaded->read("adam.m/w", moment_read.tensor)));
  EXPECT_EQ(moment_read.bytes(), moment.bytes());
  const auto model = Source::open(loaded->folder);
  ASSERT_TRUE(ok(model));
  EXPECT_NE(model->find("w"), nullptr);
}

TEST_F(Run, TheSameStateGivesTheSameBytes) {
  ASSERT_TRUE(ok(save(1)));
  const std::string manifest = read_bytes(file(1, "train_state.json"));
  ASSERT_TRUE(ok(save(1)));  // takes the place of the first
  EXPECT_EQ(read_bytes(file(1, "train_state.json")), manifest);
  EXPECT_TRUE(ok(load_checkpoint(run, 1)));
  EXPECT_EQ(files_in(run / "checkpoints"), std::vector<std::string>{"step-1"});
}

TEST_F(Run, TensorsOfAnotherNameTypeOrShapeAreRefused) {
  ASSERT_TRUE(ok(save(1)));
  const auto loaded = load_checkpoint(run, 1);
  ASSERT_TRUE(loaded);
  OwnedTensor other(Dtype::kF32, {3, 64}), narrow(Dtype::kBF16, {64, 3});
  expect_error(loaded->read("adam.v/w", other.tensor), {"no tensor 'adam.v/w'"});
  expect_error(loaded->read("adam.m/w", other.tensor), {"(64, 3)", "(3, 64)"});
  expect_error(loaded->read("adam.m/w", narrow.tensor), {"F32", "bf16"});
}

TEST_F(Run, OnlyTheNewestAreKept) {
  for (int64_t step : {5, 10, 15, 100}) ASSERT_TRUE(ok(save(step, 2)));
  EXPECT_EQ(listed(), (Steps{15, 100}));
  ASSERT_TRUE(ok(save(101, 1)));
  EXPECT_EQ(listed(), Steps{101});
  EXPECT_EQ(files_in(run / "checkpoints"), std::vector<std::string>{"step-101"});
}

TEST_F(Run, AStepSavedAfterAResumeIsNotCountedAgainstLaterOnes) {
  for (int64_t step : {5, 10, 15}) ASSERT_TRUE(ok(save(step)));
  ASSERT_TRUE(ok(save(7, 1)));
  EXPECT_EQ(listed(), (Steps{7, 10, 15}));
}

TEST_F(Run, FoldersThatAreNotCheckpointsAreNotListed) {
  ASSERT_TRUE(ok(save(5)));
  for (const char* name : {"step-6", "step-", "step-07", "step-x", "best", "step-5-copy"}) {
    fs::create_directories(run / "checkpoints" / name);
  }
  write_bytes(run / "checkpoints" / "step-07" / "train_state.json", "{}");
  EXPECT_EQ(listed(), Steps{5});
}

TEST_F(Run, DamageToAnyFileIsFoundAndNamed) {
  ASSERT_TRUE(ok(save(5)));
  ASSERT_TRUE(ok(save(10)));
  for (const char* name :
       {"model.safetensors", "config.json", "progress.json", "train_state.safetensors"}) {
    const Path damaged = file(10, name);
    const std::string good = read_bytes(damaged);
    flip_bit(damaged, 8 * good.size() - 1);
    expect_error(load_checkpoint(run, 10), {name, "damaged", "checksum", "earlier step 5"});
    write_bytes(damaged, good.substr(0, good.size() - 1));
    expect_error(load_checkpoint(run, 10), {name, "damaged", " bytes", "earlier step 5"});
    fs::remove(damaged);
    expect_error(load_checkpoint(run, 10), {name, "missing", "earlier step 5"});
    write_bytes(damaged, good);
    EXPECT_TRUE(ok(load_checkpoint(run, 10)));
  }
}

TEST_F(Run, ADamagedManifestIsFoundWhateverBit) {
  ASSERT_TRUE(ok(save(5)));
  const Path manifest = file(5, "train_state.json");
  const size_t n_bits = 8 * read_bytes(manifest).size();
  for (size_t bit = 0; bit < n_bits; ++bit) {
    flip_bit(manifest, bit);
    EXPECT_FALSE(load_checkpoint(run, 5)) << "bit " << bit;
    flip_bit(manifest, bit);
  }
  EXPECT_TRUE(ok(load_checkpoint(run, 5)));
}

TEST_F(Run, AManifestThatPointsElsewhereIsRefused) {
  ASSERT_TRUE(ok(save(5)));
  write_bytes(folder.path / "outside", "x");
  for (const char* name : {"../../../outside", "/etc/hostname", "a/../../../../outside"}) {
    write_bytes(file(5, "train_state.json"),
                std::string(R"({"format":1,"step":5,"files":[{"name":")") + name +
                    R"(","bytes":1,"xxh3":"0"}]})");
    expect_error(load_checkpoint(run, 5), {"train_state.json is damaged"});
  }
}

TEST_F(Run, TheLatestGoodOnePassesOverDamage) {
  set_log_level(LogLevel::kQuiet);
  for (int64_t step : {5, 10, 15}) ASSERT_TRUE(ok(save(step)));
  EXPECT_EQ(latest_good_checkpoint(run).value(), 15);
  flip_bit(file(15, "model.safetensors"), 1000);
  fs::remove(file(10, "progress.json"));
  EXPECT_EQ(latest_good_checkpoint(run).value(), 5);
  fs::remove(file(5, "config.json"));
  expect_error(latest_good_checkpoint(run), {"all 3 checkpoints are damaged"});
  set_log_level(LogLevel::kInfo);
}

TEST_F(Run, LeftoversOfAKilledRunAreRemoved) {
  fs::create_directories(run / "checkpoints" / "tmp-step-3" / "deep");
  write_bytes(run / "checkpoints" / "tmp-step-3" / "deep" / "half", "x");
  EXPECT_EQ(listed(), Steps{});
  ASSERT_TRUE(ok(save(4)));
  EXPECT_EQ(files_in(run / "checkpoints"), std::vector<std::string>{"step-4"});
}

TEST_F(Run, SubfoldersAreVerifiedToo) {
  const auto model = [](const Path& to) -> Result<void> {
    R1_RETURN_IF_ERROR(make_folder(to / "tokenizer"));
    return write_text_atomic(to / "tokenizer" / "merges.txt", "a b");
  };
  ASSERT_TRUE(ok(save_checkpoint(run, 2, model, state(2), 1)));
  ASSERT_TRUE(ok(load_checkpoint(run, 2)));
  flip_bit(file(2, "tokenizer/merges.txt"), 3);
  expect_error(load_checkpoint(run, 2), {"tokenizer/merges.txt", "damaged"});
}

TEST_F(Run, AFailedSaveLeavesNoTraceAndTheEarlierOnesWhole) {
  ASSERT_TRUE(ok(save(5)));
  const auto failing = [&](const Path& to) -> Result<void> {
    R1_RETURN_IF_ERROR(write_model(to));
    return fail("the model cannot be written");
  };
  expect_error(save_checkpoint(run, 6, failing, state(6), 1), {"cannot be written"});
  const auto throwing = [](const Path&) -> Result<void> { throw DeviceError("out of memory"); };
  EXPECT_THROW((void)save_checkpoint(run, 6, throwing, state(6), 1), DeviceError);
  EXPECT_EQ(files_in(run / "checkpoints"), std::vector<std::string>{"step-5"});
  EXPECT_TRUE(ok(load_checkpoint(run, 5)));
}

TEST_F(Run, ADiskThatFillsUpLeavesTheEarlierOnesWhole) {
  ASSERT_TRUE(ok(save(5)));
  // The limit on the size of a file stands for the full disk: writing fails half way.
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{600, 600};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto saved = save(6, 1);
    const bool named = !saved && contains(saved.error().message, "train_state.safetensors");
    const bool clean = files_in(run / "checkpoints") == std::vector<std::string>{"step-5"};
    ::_exit(named && clean ? 0 : 1);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(latest_good_checkpoint(run).value(), 5);
}

TEST_F(Run, AKillInTheMiddleLeavesTheEarlierOnesWhole) {
  ASSERT_TRUE(ok(save(5)));
  const auto killed = [&](const Path& to) -> Result<void> {
    (void)write_model(to);
    ::kill(::getpid(), SIGKILL);
    return {};
  };
  const int status = in_child([&] { (void)save_checkpoint(run, 6, killed, state(6), 1); });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(fs::exists(run / "checkpoints" / "tmp-step-6"));
  EXPECT_EQ(listed(), Steps{5});
  EXPECT_EQ(latest_good_checkpoint(run).value(), 5);
  ASSERT_TRUE(ok(save(6)));
  EXPECT_EQ(files_in(run / "checkpoints"), (std::vector<std::string>{"step-5", "step-6"}));
}

TEST_F(Run, ARunBelowAFileIsAnError) {
  write_bytes(run, "a file");
  expect_error(save(1), {"run"});
  EXPECT_FALSE(list_checkpoints(run));
  fs::remove(run);
  fs::create_directories(run);
  write_bytes(run / "checkpoints", "a file");
  EXPECT_FALSE(save(1));
  EXPECT_FALSE(list_checkpoints(run));
}

}  // namespace
}  // namespace r1
