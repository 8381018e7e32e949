// r1 review: a page on this machine where a person accepts, edits or rejects rows.
#include <pthread.h>
#include <csignal>
#include <cstdio>
#include <thread>

#include "base/log.h"
#include "cli/verbs.h"
#include "data/review.h"
#include "recipes/review_site.h"

namespace r1 {
namespace {

constexpr int64_t kMostBody = 4 << 20;  // an edit of 1 MiB, escaped

struct ReviewConfig {
  std::string data;
  std::string export_file;
  int port = 0;
  DatasetOptions columns;

  void visit(auto&& f) {
    f("data", data, "JSONL with prompts and completions");
    f("export", export_file, "write the accepted and edited rows to this file, and serve nothing");
    f("port", port, "of the page, on 127.0.0.1; 0: any that is free");
    columns.visit(f);
  }
};

std::string describe(const ReviewCounts& n) {
  return fmt::format("{} rows: {} accepted, {} edited, {} rejected, {} left", n.rows, n.accepted,
                     n.edited, n.rejected, n.left());
}

/// Ctrl-C and kill end the server, not the program in the middle of a line.
void serve_until_signal(LocalServer& server) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::jthread thread([&server] { server.run(); });
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop();
}

Result<void> run(ReviewConfig& config) {
  if (config.data.empty()) return fail("name the file: r1 review FILE.jsonl");
  R1_TRY(const std::unique_ptr<Review> review, Review::open(config.data, config.columns));
  if (!config.export_file.empty()) {
    R1_RETURN_IF_ERROR(write_text_atomic(config.export_file, review->export_rows()));
    const ReviewCounts n = review->counts();
    std::printf("%s\n%s: %lld rows\n", describe(n).c_str(), config.export_file.c_str(),
                static_cast<long long>(n.accepted + n.edited));
    return {};
  }
  R1_TRY(std::string token, make_token());
  ReviewSite site(*review, token);
  R1_TRY(const std::unique_ptr<LocalServer> server,
         LocalServer::bind(config.port, kMostBody,
                           [&site](const ServerRequest& request) { return site.handle(request); }));
  std::printf("%s\nopen http://127.0.0.1:%d/?token=%s\nCtrl-C ends it; every decision is kept\n",
              describe(review->counts()).c_str(), server->port(), token.c_str());
  std::fflush(stdout);
  serve_until_signal(*server);
  std::printf("%s\n", describe(review->counts()).c_str());
  return {};
}

}  // namespace

Verb review_verb() {
  Verb verb{"review",
            "a page on this machine where a person accepts, edits or rejects rows",
            {"r1 review cold.jsonl", "r1 review cold.jsonl --port 8080",
             "r1 review cold.jsonl --export reviewed.jsonl"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    ReviewConfig config;
    return run_verb(verb, config, name_positionals(list_fields(config), args, {"data"}), run);
  };
  return verb;
}

}  // namespace r1
