#include "recipes/review_site.h"

#include <sys/random.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kReplace = Json::error_handler_t::replace;

ServerReply json_reply(const Json& json, int status = 200) {
  return {.status = status,
          .body = json.dump(-1, ' ', false, kReplace),
          .headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}};
}

ServerReply refuse(int status, const std::string& why) {
  return json_reply({{"error", why}}, status);
}

std::string value_of(const std::map<std::string, std::string>& values, const std::string& name) {
  const auto value = values.find(name);
  return value == values.end() ? "" : value->second;
}

/// "127.0.0.1:8080", "localhost:8080": a name of another site that points here is refused.
bool is_this_machine(std::string host) {
  host = host.substr(0, host.rfind(':'));
  return host == "127.0.0.1" || host == "localhost";
}

/// An Origin, where the browser sends one, is this page's.
bool is_own_origin(const ServerRequest& request) {
  const std::string origin = value_of(request.headers, "origin");
  return origin.empty() || origin == "http://" + value_of(request.headers, "host");
}

/// In a time that does not depend on where the first difference is.
bool equal_secret(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

/// One fact a value: the members of an object are named provenance.model.
void add_facts(Json& facts, const std::string& name, const Json& value) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) add_facts(facts, name + "." + key, member);
  } else {
    facts[name] =
        value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, kReplace);
  }
}

const char* decision_name(Decision decision) {
  switch (decision) {
    case Decision::kAccept:
      return "accept";
    case Decision::kEdit:
      return "edit";
    case Decision::kReject:
      return "reject";
    default:
      return "";
  }
}

}  // namespace

ServerReply ReviewSite::handle(const ServerRequest& request) {
  if (!is_this_machine(value_of(request.headers, "host")))
    return refuse(403, "this page is for this machine only");
  if (!is_own_origin(request)) return refuse(403, "another site asked");
  const bool is_page = request.method == "GET" && request.path == "/";
  const std::string token =
      is_page ? value_of(request.query, "token") : value_of(request.headers, "x-review-token");
  if (!equal_secret(token, token_))
    return refuse(403, "open the address that r1 review has printed, with its token");
  if (is_page) {
    return {.body = review_page(review_.file().filename().string(), token_),
            .content_type = "text/html; charset=utf-8",
            .headers = {{"Cache-Control", "no-store"}, {"Referrer-Policy", "no-referrer"}}};
  }
  if (request.method == "GET" && request.path == "/api/state") return state();
  if (request.method == "GET" && request.path == "/api/row") return row(request);
  if (request.method == "POST" && request.path == "/api/decide") return decide(request);
  return refuse(404, "no such page");
}

ServerReply ReviewSite::state() const {
  return json_reply({{"file", review_.file().string()}, {"decisions", review_.letters()}});
}

ServerReply ReviewSite::row(const ServerRequest& request) const {
  const std::string text = value_of(request.query, "row");
  size_t index = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (code != std::errc{} || end != text.data() + text.size() || index >= review_.rows().size())
    return refuse(404, "no such row");
  const Problem& problem = review_.rows()[index];
  const Reviewed reviewed = review_.at(index);
  Json messages = Json::array(), facts = Json::object();
  for (const Message& m : problem.messages)
    messages.push_back({{"role", m.role}, {"content", m.content}});
  if (!problem.answer.empty()) facts["answer"] = problem.answer;
  if (problem.difficulty > 0) facts["difficulty"] = std::to_string(problem.difficulty);
  for (const auto& [name, value] : problem.columns)
    add_facts(facts, name, Json::parse(value, nullptr, false));
  return json_reply({{"row", index},
                     {"id", problem.id},
                     {"messages", messages},
                     {"completion", problem.completion},
                     {"facts", facts},
                     {"decision", decision_name(reviewed.decision)},
                     {"text", reviewed.text}});
}

ServerReply ReviewSite::decide(const ServerRequest& request) {
  const Json json = Json::parse(request.body, nullptr, false);
  if (!json.is_object()) return refuse(400, "the body is no JSON object");
  const auto row = json.find("row"), decision = json.find("decision"), text = json.find("text");
  if (row == json.end() || !row->is_number_unsigned()) return refuse(400, "row takes a number");
  if (decision == json.end() || !decision->is_string())
    return refuse(400, "decision takes accept, edit, reject or undo");
  if (text != json.end() && !text->is_string()) return refuse(400, "text takes text");
  const std::string name = decision->get<std::string>();
  Decision chosen = Decision::kNone;
  for (const Decision d : {Decision::kAccept, Decision::kEdit, Decision::kReject}) {
    if (name == decision_name(d)) chosen = d;
  }
  if (chosen == Decision::kNone && name != "undo")
    return refuse(400, "decision takes accept, edit, reject or undo");
  const auto done = review_.decide(row->get<size_t>(), chosen,
                                   text == json.end() ? "" : text->get<std::string>());
  if (!done) return refuse(400, done.error().message);
  return state();
}

Result<std::string> make_token() {
  std::array<unsigned char, 16> bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return fail("the system gives no random bytes for the page's token");
  std::string token;
  for (const unsigned char byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

}  // namespace r1
