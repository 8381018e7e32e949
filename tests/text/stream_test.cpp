#include "text/stream.h"

#include <gtest/gtest.h>

#include "text/tokenizer_samples.h"
#include "text/unicode.h"

namespace r1 {
namespace {

using Ids = std::vector<int32_t>;

Tokenizer make(const samples::Json& json) {
  auto made = Tokenizer::from_json(json.dump(), "tokenizer.json");
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

std::string stream_all(TokenStream stream, const Ids& ids) {
  std::string text;
  for (int32_t id : ids) {
    const std::string shown = stream.push(id);
    EXPECT_TRUE(is_utf8(shown)) << "half a character before id " << id;
    text += shown;
  }
  return text + stream.finish();
}

TEST(TokenStream, HoldsHalfCharactersBack) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  TokenStream stream(tokenizer);
  EXPECT_EQ(stream.push('a'), "a");
  EXPECT_EQ(stream.push(0xE6), "");
  EXPECT_EQ(stream.push(0x97), "");
  EXPECT_EQ(stream.push(0xA5), "日");
  EXPECT_EQ(stream.push(0xF0), "");
  EXPECT_EQ(stream.push('b'), "\uFFFDb");
  EXPECT_EQ(stream.push(0xC3), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
}

TEST(TokenStream, EqualsDecodeOfTheWhole) {
  uint64_t state = 7;
  for (const auto& json :
       {samples::byte_level_bpe(), samples::byte_fallback_bpe(), samples::word_level()}) {
    const Tokenizer tokenizer = make(json);
    for (int round = 0; round < 200; ++round) {
      Ids ids;
      for (int i = 0; i < 12; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        ids.push_back(static_cast<int32_t>((state >> 33) % (tokenizer.vocab_size() + 2)));
      }
      for (const bool skip : {true, false}) {
        EXPECT_EQ(stream_all(TokenStream(tokenizer, {}, skip), ids), tokenizer.decode(ids, skip));
      }
    }
  }
}

TEST(TokenStream, FirstSpaceAndJoiningSpacesComeAsInDecode) {
  const Tokenizer llama = make(samples::byte_fallback_bpe());
  TokenStream stream(llama);
  EXPECT_EQ(stream.push(1), "");
  EXPECT_EQ(stream.push(263), "a");
  EXPECT_EQ(stream.push(263), " a");
  const Tokenizer words = make(samples::word_level());
  TokenStream word_stream(words);
  EXPECT_EQ(word_stream.push(3), "two");
  EXPECT_EQ(word_stream.push(4), " plus");
}

TEST(TokenStream, SkippedPromptLeavesTheSpaceOfItsContinuation) {
  const Tokenizer words = make(samples::word_level());
  TokenStream stream(words, {"two"});
  stream.skip(3);
  EXPECT_EQ(stream.push(4), " plus");
  EXPECT_EQ(stream.push(3) + stream.finish(), " ");
  EXPECT_EQ(stream.stop(), "two");
}

TEST(TokenStream, StopStringsAreCutAndReported) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  TokenStream stream(tokenizer, {"END", "<|"});
  EXPECT_EQ(stream.push('a'), "a");
  EXPECT_EQ(stream.push('E'), "");
  EXPECT_EQ(stream.push('N'), "");
  EXPECT_EQ(stream.push('E'), "EN");
  EXPECT_EQ(stream.push('N'), "");
  EXPECT_FALSE(stream.is_stopped());
  EXPECT_EQ(stream.push('D'), "");
  EXPECT_TRUE(stream.is_stopped());
  EXPECT_EQ(stream.stop(), "END");
  EXPECT_EQ(stream.push('x'), "");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TokenStream, PossibleStopIsGivenAtTheEnd) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  TokenStream stream(tokenizer, {"END"});
  EXPECT_EQ(stream.push('E'), "");
  EXPECT_EQ(stream.finish(), "E");
}

TEST(TokenStream, StopInsideOneTokenKeepsWhatStandsBefore) {
  const Tokenizer tokenizer = make(samples::byte_level_bpe());
  TokenStream stream(tokenizer, {"ll"});
  EXPECT_EQ(stream.push(259), "he");
  EXPECT_EQ(stream.stop(), "ll");
}

std::string tagged(const std::vector<ThinkPiece>& pieces) {
  std::string out;
  for (const auto& piece : pieces) out += (piece.is_reasoning ? "R(" : "C(") + piece.text + ")";
  return out;
}

TEST(ThinkSplitter, PartsReasoningFromContent) {
  ThinkSplitter splitter;
  EXPECT_EQ(tagged(splitter.feed("<think>why</think>so <think>x</think>")),
            "R(why)C(so <think>x</think>)");
  ThinkSplitter prefilled(true);
  EXPECT_EQ(tagged(prefilled.feed("why</think>so")), "R(why)C(so)");
  ThinkSplitter plain;
  EXPECT_EQ(tagged(plain.feed("no tags")), "C(no tags)");
}

TEST(ThinkSplitter, EveryCutOfTheTextGivesTheSame) {
  const std::string text = "a<think>b<c</thin</think>d</think><t";
  for (size_t i = 0; i <= text.size(); ++i) {
    for (size_t j = i; j <= text.size(); ++j) {
      ThinkSplitter splitter;
      std::string reasoning, content;
      const auto add = [&](const std::vector<ThinkPiece>& pieces) {
        for (const auto& piece : pieces) (piece.is_reasoning ? reasoning : content) += piece.text;
      };
      add(splitter.feed(text.substr(0, i)));
      add(splitter.feed(text.substr(i, j - i)));
      add(splitter.feed(text.substr(j)));
      add(splitter.finish());
      EXPECT_EQ(reasoning, "b<c</thin");
      EXPECT_EQ(content, "ad</think><t");
    }
  }
}

TEST(ThinkSplitter, UnfinishedTagIsTextAtTheEnd) {
  ThinkSplitter splitter(true);
  EXPECT_EQ(tagged(splitter.feed("why</thi")), "R(why)");
  EXPECT_EQ(tagged(splitter.finish()), "R(</thi)");
}

}  // namespace
}  // namespace r1
