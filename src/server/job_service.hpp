// What the routes of jobs work with. Ownership: owns board and threads, borrows the embedder and the collections.
// Thread-safety: any thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "server/collection_host.hpp"
#include "server/job_board.hpp"
#include "server/routes.hpp"
#include "server/served_embedder.hpp"
#include "server/upload_pool.hpp"
#include "server/worker_pool.hpp"

namespace asterism::server {

struct JobServiceOptions {
  JobBoardOptions board;
  std::size_t thread_count = 2;        // that give results
  std::size_t upload_count_max = 256;  // inputs that arrive at once
  std::size_t waiting_count_max = 64;
};

struct JobService {
  // `collections` may be null: there are jobs of kind "embed" alone then.
  static Result<std::unique_ptr<JobService>> open(JobServiceOptions options, ServedEmbedder& embedder,
                                                  CollectionHost* collections);
  JobService(std::unique_ptr<JobBoard> owned, ServedEmbedder& borrowed, CollectionHost* host,
             const JobServiceOptions& options)
      : embedder(borrowed),
        collections(host),
        board(std::move(owned)),
        pool("requests for jobs", options.thread_count, options.waiting_count_max),
        uploads("inputs of jobs", options.upload_count_max) {}

  ServedEmbedder& embedder;
  CollectionHost* collections;
  std::unique_ptr<JobBoard> board;
  WorkerPool pool;
  UploadPool uploads;
};

// job_routes.cpp: /v1/jobs and what is below it, and the jobs of collections. The service must outlive the routes.
std::vector<Route> job_routes(JobService& service);

}  // namespace asterism::server
