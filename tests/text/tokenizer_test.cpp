#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "text/tokenizer_samples.h"

namespace r1 {
namespace {

using samples::Json;
using Ids = std::vector<int32_t>;

Tokenizer make(const Json& json) {
  auto made = Tokenizer::from_json(json.dump(), "tokenizer.json");
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

std::string error_of(const Json& json) {
  const auto made = Tokenizer::from_json(json.dump(), "tokenizer.json");
  return made ? "" : made.error().message;
}

TEST(ByteLevelBpe, MergesByRankLeftmostFirst) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  EXPECT_EQ(tokenizer.encode("hello"), Ids({259}));
  EXPECT_EQ(tokenizer.encode("hello world"), Ids({259, 261, 'r', 'l', 'd'}));
  EXPECT_EQ(tokenizer.encode("lll"), Ids({257, 'l'}));
  EXPECT_EQ(tokenizer.encode("é"), Ids({0xC3, 0xA9}));
  EXPECT_EQ(tokenizer.encode(""), Ids({}));
  EXPECT_EQ(tokenizer.vocab_size(), 303);
  EXPECT_EQ(tokenizer.token_id("Ġwo"), 261);
  EXPECT_EQ(tokenizer.token(261), "Ġwo");
  EXPECT_EQ(tokenizer.token(299), "");
  EXPECT_EQ(tokenizer.token(-1), "");
  EXPECT_EQ(tokenizer.token_id("nowhere"), std::nullopt);
}

TEST(ByteLevelBpe, WholePieceIsTakenOnlyIfMergesAreIgnored) {
  Json json = samples::byte_level_bpe();
  json["model"]["vocab"]["wow"] = 270;
  EXPECT_EQ(make(json).encode("wow"), Ids({'w', 'o', 'w'}));
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(make(json).encode("wow"), Ids({270}));
}

TEST(Tokenizer, NormalFormJoinsCombiningMarks) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  EXPECT_EQ(tokenizer.encode("e\u0301"), tokenizer.encode("é"));
}

TEST(Tokenizer, RoundTripsMixedScripts) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  for (const char* text :
       {"   x", " leading", "trailing  ", "a\r\nb\n\n\tc", "1234567", "I'RE it's",
        "日本語テスト 中文 mixed", "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "Ǆ क्षि ﷽ \u00a0 nbsp", "<|im_start|> <think> </s>", "a\tb  \n  c"}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text), false), text);
  }
}

TEST(Tokenizer, BrokenUtf8IsReadAsReplacementCharacters) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  EXPECT_EQ(tokenizer.encode("a\xFFz"), tokenizer.encode("a\uFFFDz"));
  EXPECT_EQ(tokenizer.decode(Ids{'a', 0xE4, 0xBD, 'z'}), "a\uFFFDz");
  EXPECT_EQ(tokenizer.decode(Ids{0xFF, 0xFE}), "\uFFFD\uFFFD");
}

TEST(Tokenizer, SpecialTokensInUntrustedTextArePlainText) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  EXPECT_EQ(tokenizer.encode("<|s|>l<think>"), Ids({300, 'l', 302}));
  const Ids plain = tokenizer.encode("<|s|>l", {.add_special = true, .parse_special = false});
  EXPECT_EQ(plain, Ids({'<', '|', 's', '|', '>', 'l'}));
  EXPECT_EQ(tokenizer.decode(Ids{300, 'l', 302}), "l<think>");
  EXPECT_EQ(tokenizer.decode(Ids{300, 'l', 302}, false), "<|s|>l<think>");
  EXPECT_TRUE(tokenizer.is_special(300));
  EXPECT_FALSE(tokenizer.is_special(302));
  EXPECT_FALSE(tokenizer.is_special(1 << 30));
}

TEST(Tokenizer, AddedTokensStripAndKeepToWords) {
  Json json = samples::byte_level_bpe();
  auto& added = json["added_tokens"];
  added[0]["lstrip"] = true;
  added[1]["rstrip"] = true;
  added[2]["single_word"] = true;
  const Tokenizer tokenizer = make(json);
  EXPECT_EQ(tokenizer.encode("l  <|s|> l"), Ids({'l', 300, ' ', 'l'}));
  EXPECT_EQ(tokenizer.encode("l <|e|>  l"), Ids({'l', ' ', 301, 'l'}));
  EXPECT_EQ(tokenizer.encode("l<think>")[0], 'l');
  EXPECT_EQ(tokenizer.encode("l<think>").size(), 8u);
  EXPECT_EQ(tokenizer.encode("l <think>"), Ids({'l', ' ', 302}));
}

TEST(Tokenizer, LongestAddedTokenWins) {
  Json json = samples::byte_level_bpe();
  json["added_tokens"].push_back(samples::added(303, "<|s|>>"));
  EXPECT_EQ(make(json).encode("<|s|>>l"), Ids({303, 'l'}));
}

TEST(Tokenizer, DeepSeekSplitsApplyInSequence) {
  Json json = samples::byte_level_bpe();
  json["pre_tokenizer"] = samples::sequence_of_splits(samples::kDeepSeekV3Patterns);
  json["model"]["ignore_merges"] = true;
  int id = 400;
  for (const char* piece : {"123", "456", "7", "ab", "Ġab"}) {
    if (!json["model"]["vocab"].contains(piece)) json["model"]["vocab"][piece] = id++;
  }
  EXPECT_EQ(make(json).encode("1234567"), Ids({400, 401, '7'}));
  EXPECT_EQ(make(json).encode("ab ab"), Ids({402, 403}));
  json["pre_tokenizer"] = samples::sequence_of_splits({samples::kQwenPattern});
  EXPECT_EQ(make(json).encode("123"), Ids({'1', '2', '3'}));
}

TEST(Tokenizer, LastSpaceBelongsToTheNextWord) {
  Json json = samples::byte_level_bpe();
  json["model"]["ignore_merges"] = true;
  json["model"]["vocab"]["Ġx"] = 400;
  json["model"]["vocab"]["ĠĠ"] = 401;
  EXPECT_EQ(make(json).encode("   x"), Ids({401, 400}));
}

TEST(ByteFallbackBpe, PrependsSpaceAndFallsBackToBytes) {
  const Tokenizer tokenizer = make(samples::byte_fallback_bpe());
  EXPECT_EQ(tokenizer.encode("abc"), Ids({1, 265}));
  EXPECT_EQ(tokenizer.encode("bc a"), Ids({1, 259, 264, 263}));
  EXPECT_EQ(tokenizer.encode("é"), Ids({1, 259, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(tokenizer.encode("a", {.add_special = false, .parse_special = true}), Ids({263}));
  EXPECT_EQ(tokenizer.decode(Ids{1, 265, 263, 2}), "abc a");
  EXPECT_EQ(tokenizer.decode(Ids{259, 3 + 0xC3, 3 + 0xA9}), "é");
  EXPECT_EQ(tokenizer.decode(Ids{260, 3 + 0xC3}), "a\uFFFD");
}

TEST(ByteFallbackBpe, UnknownCharactersFuseIntoOneToken) {
  Json json = samples::byte_fallback_bpe();
  json["model"]["byte_fallback"] = false;
  EXPECT_EQ(make(json).encode("xya"), Ids({1, 259, 0, 260}));
  json["model"]["fuse_unk"] = false;
  EXPECT_EQ(make(json).encode("xya"), Ids({1, 259, 0, 0, 260}));
}

TEST(WordLevel, SplitsOnSpaceAndJoinsWithOne) {
  const Tokenizer tokenizer = make(samples::word_level());
  EXPECT_EQ(tokenizer.encode("two  plus\nthree four"), Ids({3, 4, 5, 0}));
  EXPECT_EQ(tokenizer.decode(Ids{1, 3, 4, 5, 2}), "two plus three");
  EXPECT_EQ(tokenizer.decode(Ids{1, 3}, false), "<s> two");
}

TEST(WordLevel, WhitespacePartsWordsFromSigns) {
  Json json = samples::word_level();
  json["pre_tokenizer"] = {{"type", "Whitespace"}};
  json["model"]["vocab"]["+="] = 6;
  EXPECT_EQ(make(json).encode("two+=three"), Ids({3, 6, 5}));
}

/// The pieces that a pre-tokenizer makes: words of a vocabulary of all candidates.
std::string pieces_of(const Json& pre_tokenizer, const std::string& text,
                      const std::vector<std::string>& candidates) {
  Json json = samples::word_level();
  json["pre_tokenizer"] = pre_tokenizer;
  for (const auto& word : candidates) json["model"]["vocab"][word] = json["model"]["vocab"].size();
  const Tokenizer tokenizer = make(json);
  std::string out;
  for (int32_t id : tokenizer.encode(text)) out += (out.empty() ? "" : "|") + tokenizer.token(id);
  return out;
}

TEST(PreTokenizer, SplitBehaviors) {
  const auto split = [](const std::string& behavior, bool invert) {
    return Json{{"type", "Split"},
                {"pattern", {{"String", "-"}}},
                {"behavior", behavior},
                {"invert", invert}};
  };
  const std::vector<std::string> words = {"a", "b", "-", "--", "a-", "-b", "-b-"};
  EXPECT_EQ(pieces_of(split("Isolated", false), "a--b", words), "a|-|-|b");
  EXPECT_EQ(pieces_of(split("Removed", false), "a--b", words), "a|b");
  EXPECT_EQ(pieces_of(split("Removed", true), "a--b", words), "-|-");
  EXPECT_EQ(pieces_of(split("MergedWithPrevious", false), "a--b", words), "a-|-|b");
  EXPECT_EQ(pieces_of(split("MergedWithNext", false), "a--b", words), "a|-|-b");
  EXPECT_EQ(pieces_of(split("Contiguous", false), "a--b", words), "a|--|b");
}

TEST(PreTokenizer, DigitsPunctuationAndMetaspace) {
  EXPECT_EQ(pieces_of({{"type", "Digits"}, {"individual_digits", true}}, "a12", {"a", "1", "2"}),
            "a|1|2");
  EXPECT_EQ(pieces_of({{"type", "Digits"}, {"individual_digits", false}}, "a12", {"a", "12"}),
            "a|12");
  EXPECT_EQ(pieces_of({{"type", "Punctuation"}}, "a,。b", {"a", ",", "。", "b"}), "a|,|。|b");
  EXPECT_EQ(pieces_of({{"type", "Metaspace"}}, "a b", {"▁a", "▁b"}), "▁a|▁b");
  EXPECT_EQ(pieces_of({{"type", "Metaspace"}, {"prepend_scheme", "never"}}, "a b", {"a", "▁b"}),
            "a|▁b");
}

TEST(Decoder, MetaspaceDropsTheFirstSpace) {
  Json json = samples::word_level();
  json["pre_tokenizer"] = json["decoder"] = {{"type", "Metaspace"}};
  json["model"]["vocab"]["▁two"] = 6;
  const Tokenizer tokenizer = make(json);
  EXPECT_EQ(tokenizer.encode("two two"), Ids({6, 6}));
  EXPECT_EQ(tokenizer.decode(Ids{6, 6}), "two two");
}

TEST(Normalizer, LowercaseStripAndReplace) {
  Json json = samples::word_level();
  json["normalizer"] = Json::parse(R"({"type": "Sequence", "normalizers": [{"type": "Lowercase"},
      {"type": "Strip", "strip_left": true, "strip_right": true},
      {"type": "Replace", "pattern": {"Regex": "\\++"}, "content": "plus"}, {"type": "NFKC"}]})");
  EXPECT_EQ(make(json).encode("  TWO +++ ｔｈｒｅｅ "), Ids({3, 4, 5}));
}

TEST(Tokenizer, RefusesWhatItDoesNotKnowByName) {
  for (const char* part : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    Json json = samples::byte_level_bpe();
    json[part] = {{"type", "Frobnicate"}};
    EXPECT_NE(error_of(json).find("Frobnicate"), std::string::npos) << part;
    EXPECT_NE(error_of(json).find(part), std::string::npos) << part;
  }
  Json json = samples::byte_level_bpe();
  json["model"]["type"] = "Unigram";
  EXPECT_NE(error_of(json).find("Unigram"), std::string::npos);
}

TEST(Tokenizer, RefusesBrokenFilesWithThePlace) {
  const auto without = [](auto change) {
    Json json = samples::byte_level_bpe();
    change(json);
    return error_of(json);
  };
  EXPECT_NE(without([](Json& j) { j["model"]["merges"][1] = "nospace"; }).find("merges[1]"),
            std::string::npos);
  EXPECT_NE(without([](Json& j) { j["model"]["merges"][0] = "q q"; }).find("not in the vocabulary"),
            std::string::npos);
  EXPECT_NE(without([](Json& j) { j["model"]["vocab"]["zz"] = 5; }).find("id 5"),
            std::string::npos);
  EXPECT_NE(without([](Json& j) { j["model"]["vocab"]["zz"] = int64_t{1} << 40; }), "");
  EXPECT_NE(without([](Json& j) { j["model"]["vocab"]["zz"] = -1; }), "");
  EXPECT_NE(without([](Json& j) { j["added_tokens"][0]["id"] = "x"; }).find("added_tokens[0].id"),
            std::string::npos);
  EXPECT_NE(without([](Json& j) { j["pre_tokenizer"] = samples::split("(a"); }).find("regex"),
            std::string::npos);
  EXPECT_NE(without([](Json& j) { j.erase("model"); }).find("no \"model\""), std::string::npos);
  EXPECT_FALSE(Tokenizer::from_json("{\"model\": ", "x"));
  EXPECT_FALSE(Tokenizer::from_json("[]", "x"));
  EXPECT_FALSE(Tokenizer::from_json("", "x"));
}

TEST(Tokenizer, LongPiecesTakeNoQuadraticTime) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  const auto start = std::chrono::steady_clock::now();
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "hel";
  const Ids ids = tokenizer.encode(text);
  EXPECT_EQ(tokenizer.decode(ids), text);
  EXPECT_EQ(tokenizer.encode(std::string(300'000, ' ')).size(), 300'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
}

TEST(Tokenizer, ThreadsGetTheSameIds) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  const std::string text = "hello world, hell is lll 日本";
  const Ids expected = tokenizer.encode(text);
  std::vector<std::thread> threads;
  std::vector<Ids> got(4);
  for (auto& ids : got) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) ids = tokenizer.encode(text);
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& ids : got) EXPECT_EQ(ids, expected);
}

class TokenizerFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("r1_tokenizer_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_text_atomic(folder_ / name, text));
  }
  Path folder_;
};

TEST_F(TokenizerFolder, ConfigGivesSpecialTokensAndTemplate) {
  write("tokenizer.json", samples::byte_level_bpe().dump());
  write("special_tokens_map.json", R"({"pad_token": "<|e|>"})");
  write("tokenizer_config.json", R"({"bos_token": {"content": "<|s|>"}, "eos_token": "<|e|>",
      "add_bos_token": true, "chat_template": [{"name": "tool_use", "template": "no"},
      {"name": "default", "template": "yes"}]})");
  const auto tokenizer = Tokenizer::load(folder_);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->bos_id(), 300);
  EXPECT_EQ(tokenizer->eos_id(), 301);
  EXPECT_EQ(tokenizer->pad_id(), 301);
  EXPECT_EQ(tokenizer->bos_token(), "<|s|>");
  EXPECT_EQ(tokenizer->chat_template(), "yes");
  EXPECT_EQ(tokenizer->encode("l"), Ids({300, 'l'}));
  EXPECT_EQ(tokenizer->encode("l", {.add_special = false, .parse_special = true}), Ids({'l'}));
  write("chat_template.jinja", "file");
  EXPECT_EQ(Tokenizer::load(folder_)->chat_template(), "file");
}

TEST_F(TokenizerFolder, MissingTokenizerJsonSaysThatIdsStillWork) {
  write("tokenizer_config.json", R"({"char_ords": [48, 49]})");
  const auto tokenizer = Tokenizer::load(folder_);
  ASSERT_FALSE(tokenizer);
  EXPECT_NE(tokenizer.error().message.find("token ids only"), std::string::npos);
}

TEST(Tokenizer, DamagedFilesNeverCrash) {
  const std::vector<std::string> originals = {samples::byte_level_bpe().dump(),
                                              samples::byte_fallback_bpe().dump(),
                                              samples::word_level().dump()};
  uint64_t state = 1;
  const auto next = [&](uint64_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
  };
  const std::string signs = "{}[]\",:0129-nulltrue\\ ";
  int n_loaded = 0;
  for (int round = 0; round < 300; ++round) {
    std::string json = originals[round % originals.size()];
    for (uint64_t n = 1 + next(3); n > 0; --n) {
      const size_t at = next(json.size());
      if (next(3) == 0)
        json.erase(at, 1 + next(40));
      else if (next(2) == 0)
        json[at] = signs[next(signs.size())];
      else
        json.insert(at, json.substr(next(json.size()), next(60)));
    }
    const auto tokenizer = Tokenizer::from_json(json, "damaged");
    if (!tokenizer) continue;
    ++n_loaded;
    tokenizer->decode(tokenizer->encode("hello two <|s|> é abc"), false);
  }
  EXPECT_GT(n_loaded, 0);
}

}  // namespace
}  // namespace r1
