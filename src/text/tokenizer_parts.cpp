#include "text/tokenizer_parts.h"

#include <nlohmann/json.hpp>

namespace r1 {
namespace {

constexpr int64_t kMaxId = (1 << 24) - 1;  // no vocabulary comes near; bounds what a bad file costs

void set_token(TokenizerParts& parts, int64_t id, const std::string& text) {
  if (parts.tokens.size() <= static_cast<size_t>(id)) {
    parts.tokens.resize(id + 1);
    parts.is_special.resize(id + 1);
    parts.is_added.resize(id + 1);
  }
  parts.tokens[id] = text;
}

Result<void> read_vocab(const JsonNode& model, TokenizerParts& parts) {
  const JsonNode vocab = model.at("vocab");
  if (!vocab.value().is_object()) return fail("{}: must be an object of ids", vocab.place());
  for (const auto& [text, value] : vocab.value().items()) {
    const bool is_id =
        value.is_number_integer() && value.get<int64_t>() >= 0 && value.get<int64_t>() <= kMaxId;
    if (!is_id) {
      return fail("{}[{}]: must be an id from 0 to {}", vocab.place(), value.dump(), kMaxId);
    }
    const auto id = value.get<int64_t>();
    const bool is_taken =
        static_cast<size_t>(id) < parts.tokens.size() && !parts.tokens[id].empty();
    if (is_taken) {
      return fail("{}: id {} belongs to both \"{}\" and \"{}\"", vocab.place(), id,
                  parts.tokens[id], text);
    }
    set_token(parts, id, text);
  }
  return {};
}

StringMap index_tokens(const std::vector<std::string>& tokens) {
  StringMap ids(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (!tokens[id].empty()) ids.insert(tokens[id], static_cast<int32_t>(id));
  }
  return ids;
}

/// "left right", or [left, right].
Result<std::pair<std::string, std::string>> split_merge(const JsonNode& merge) {
  const auto& value = merge.value();
  if (value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string()) {
    return std::pair(value[0].get<std::string>(), value[1].get<std::string>());
  }
  if (value.is_string()) {
    const auto& both = value.get_ref<const std::string&>();
    const size_t space = both.find(' ');
    if (space != both.npos && both.find(' ', space + 1) == both.npos) {
      return std::pair(both.substr(0, space), both.substr(space + 1));
    }
  }
  return fail("{}: must be \"left right\" or [left, right]", merge.place());
}

Result<std::vector<Bpe::Merge>> read_merges(const JsonNode& model, const StringMap& ids) {
  const JsonNode list = model.at("merges");
  if (!list.value().is_array()) return fail("{}: must be a list", list.place());
  std::vector<Bpe::Merge> merges;
  merges.reserve(list.value().size());
  for (const auto& value : list.value()) {
    const auto place = [&] { return fmt::format("{}[{}]", list.place(), merges.size()); };
    const auto pair = split_merge(JsonNode(value, ""));
    if (!pair) return fail_with(pair.error().with(place()));
    const auto& [left, right] = *pair;
    const Bpe::Merge merge{ids.find(left), ids.find(right), ids.find(left + right)};
    if (merge.left < 0 || merge.right < 0 || merge.result < 0) {
      return fail("{}: \"{}\" + \"{}\" or what they make is not in the vocabulary", place(), left,
                  right);
    }
    merges.push_back(merge);
  }
  return merges;
}

/// The pieces' own bytes instead of the characters that stand for them.
StringMap index_bytes(const std::vector<std::string>& tokens) {
  StringMap ids(tokens.size());
  std::string bytes;
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (!tokens[id].empty() && byte_level_to_bytes(tokens[id], bytes)) {
      ids.insert(bytes, static_cast<int32_t>(id));
    }
  }
  return ids;
}

Result<Bpe::Options> bpe_options(const JsonNode& model, const TokenizerParts& parts) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    R1_TRY(const std::string affix, model.text_or(key, ""));
    if (!affix.empty()) return fail("{}.{}: \"{}\" is not supported", model.place(), key, affix);
  }
  const auto& dropout = model.at("dropout").value();
  if (!dropout.is_null() && dropout != 0) {
    return fail("{}.dropout: not supported, remove it", model.place());
  }
  Bpe::Options options;
  options.is_byte_level = parts.pre_tokenizer.is_byte_level();
  R1_TRY(options.byte_fallback, model.flag("byte_fallback", false));
  R1_TRY(options.ignore_merges, model.flag("ignore_merges", false));
  R1_TRY(options.fuse_unknown, model.flag("fuse_unk", false));
  R1_TRY(const std::string unknown, model.text_or("unk_token", ""));
  if (!unknown.empty() && (options.unknown = parts.ids.find(unknown)) < 0) {
    return fail("{}.unk_token: \"{}\" is not in the vocabulary", model.place(), unknown);
  }
  return options;
}

Result<void> read_bpe(const JsonNode& model, TokenizerParts& parts) {
  R1_TRY(Bpe::Options options, bpe_options(model, parts));
  R1_TRY(const auto merges, read_merges(model, parts.ids));
  StringMap vocab = options.is_byte_level ? index_bytes(parts.tokens) : parts.ids;
  for (int b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    options.byte_ids[b] = options.is_byte_level ? vocab.find({&byte, 1})
                                                : parts.ids.find(fmt::format("<0x{:02X}>", b));
  }
  parts.model = Bpe(options, std::move(vocab), merges);
  return {};
}

Result<void> read_model(const JsonNode& model, TokenizerParts& parts) {
  R1_RETURN_IF_ERROR(read_vocab(model, parts));
  parts.ids = index_tokens(parts.tokens);
  // Old files leave the type out; a list of merges makes it BPE.
  R1_TRY(const std::string type, model.text_or("type", model.has("merges") ? "BPE" : ""));
  if (type == "BPE") return read_bpe(model, parts);
  if (type != "WordLevel")
    return fail("{}: model type \"{}\" is not supported", model.place(), type);
  if (parts.pre_tokenizer.is_byte_level()) {
    return fail("{}: WordLevel with a ByteLevel pre-tokenizer is not supported", model.place());
  }
  R1_TRY(const std::string unknown, model.text("unk_token"));
  const int32_t id = parts.ids.find(unknown);
  if (id < 0) return fail("{}.unk_token: \"{}\" is not in the vocabulary", model.place(), unknown);
  parts.model = WordLevel{parts.ids, id};
  return {};
}

Result<AddedToken> read_added_token(const JsonNode& node) {
  AddedToken token;
  R1_TRY(const int64_t id, node.integer("id", 0, kMaxId));
  token.id = static_cast<int32_t>(id);
  R1_TRY(token.content, node.text("content"));
  if (token.content.empty()) return fail("{}.content: must not be empty", node.place());
  R1_TRY(token.single_word, node.flag("single_word", false));
  R1_TRY(token.lstrip, node.flag("lstrip", false));
  R1_TRY(token.rstrip, node.flag("rstrip", false));
  R1_TRY(token.special, node.flag("special", false));
  R1_TRY(token.normalized, node.flag("normalized", !token.special));
  return token;
}

Result<void> read_added_tokens(const JsonNode& root, TokenizerParts& parts) {
  if (!root.has("added_tokens")) return {};
  R1_TRY(const auto nodes, root.items("added_tokens"));
  std::vector<AddedToken> raw, normalized;
  RegexScratch scratch;
  for (const JsonNode& node : nodes) {
    R1_TRY(AddedToken token, read_added_token(node));
    set_token(parts, token.id, token.content);
    parts.is_special[token.id] = token.special;
    parts.is_added[token.id] = true;
    if (token.normalized) parts.normalizer.apply(token.content, scratch);
    (token.normalized ? normalized : raw).push_back(std::move(token));
  }
  parts.raw_added = AddedTokenFinder(std::move(raw));
  parts.normalized_added = AddedTokenFinder(std::move(normalized));
  parts.ids = index_tokens(parts.tokens);
  return {};
}

Result<void> read_template(const JsonNode& node, TokenizerParts& parts) {
  R1_TRY(const auto items, node.items("single"));
  bool is_behind = false;
  for (const JsonNode& item : items) {
    if (item.has("Sequence")) {
      if (is_behind) return fail("{}: the text may come once only", item.place());
      is_behind = true;
      continue;
    }
    R1_TRY(const std::string name, item.at("SpecialToken").text("id"));
    const JsonNode token = node.at("special_tokens").at(name.c_str());
    R1_TRY(const auto ids, token.items("ids"));
    for (const JsonNode& id : ids) {
      const bool is_known =
          id.value().is_number_unsigned() && id.value().get<uint64_t>() < parts.tokens.size();
      if (!is_known) return fail("{}: must be the id of a token", id.place());
      (is_behind ? parts.suffix : parts.prefix).push_back(id.value().get<int32_t>());
    }
  }
  if (!is_behind) return fail("{}.single: has no Sequence for the text", node.place());
  return {};
}

Result<void> read_post_processor(const JsonNode& node, TokenizerParts& parts, int depth) {
  if (node.is_null()) return {};
  if (depth > 16) return fail("{}: nested too deeply", node.place());
  R1_TRY(const std::string type, node.type());
  if (type == "ByteLevel") return {};  // it trims offsets only
  if (type == "TemplateProcessing") return read_template(node, parts);
  if (type != "Sequence") return fail("{}: post-processor {} is not supported", node.place(), type);
  R1_TRY(const auto members, node.items("processors"));
  for (const JsonNode& member : members) {
    R1_RETURN_IF_ERROR(read_post_processor(member, parts, depth + 1));
  }
  return {};
}

}  // namespace

Result<TokenizerParts> tokenizer_parts(std::string_view tokenizer_json, const std::string& name) {
  R1_TRY(const nlohmann::json document, parse_json(tokenizer_json, name));
  const JsonNode root(document, name);
  if (!document.is_object() || !root.has("model")) {
    return fail("{}: not a tokenizer.json: it has no \"model\"", name);
  }
  TokenizerParts parts;
  R1_TRY(parts.normalizer, Normalizer::from_json(root.at("normalizer")));
  R1_TRY(parts.pre_tokenizer, PreTokenizer::from_json(root.at("pre_tokenizer")));
  R1_RETURN_IF_ERROR(read_model(root.at("model"), parts));
  R1_RETURN_IF_ERROR(read_added_tokens(root, parts));
  R1_RETURN_IF_ERROR(read_post_processor(root.at("post_processor"), parts, 0));
  R1_TRY(parts.decoder, Decoder::from_json(root.at("decoder")));
  parts.decoder.set_tokens(parts.tokens, parts.is_added);
  return parts;
}

}  // namespace r1
