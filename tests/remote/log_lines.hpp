/// \file
/// What all threads log while a test runs.

#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include <coerce/runtime/clock.hpp>

namespace coerce::test {

/// Takes the place of the default logger while it lives; made before the systems that log, and
/// destroyed after them.
class LogLines {
 public:
  LogLines() : before_(spdlog::default_logger()), sink_(std::make_shared<Sink>()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink_));
  }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;
  ~LogLines() { spdlog::set_default_logger(before_); }

  /// Waits until so many lines have this text in them.
  bool wait_for(const std::string& text, std::size_t times = 1,
                Duration limit = std::chrono::seconds(20)) const {
    return sink_->wait_for(text, times, limit);
  }
  std::size_t times(const std::string& text) const { return sink_->times(text); }
  /// All lines, for a test that fails.
  std::string text() const { return sink_->text(); }

 private:
  class Sink final : public spdlog::sinks::sink {
   public:
    void log(const spdlog::details::log_msg& line) override {
      {
        const std::lock_guard guard(mutex_);
        if (lines_.size() < 10'000) lines_.emplace_back(line.payload.data(), line.payload.size());
      }
      added_.notify_all();
    }
    void flush() override {}
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

    bool wait_for(const std::string& text, std::size_t times, Duration limit) {
      std::unique_lock lock(mutex_);
      std::size_t next = 0;
      std::size_t found = 0;
      return added_.wait_for(lock, limit, [&] {
        for (; next < lines_.size() && found < times; ++next)
          if (lines_[next].find(text) != std::string::npos) ++found;
        return found >= times;
      });
    }
    std::size_t times(const std::string& text) {
      const std::lock_guard guard(mutex_);
      std::size_t found = 0;
      for (const std::string& line : lines_)
        if (line.find(text) != std::string::npos) ++found;
      return found;
    }
    std::string text() {
      const std::lock_guard guard(mutex_);
      std::string all;
      for (const auto& line : lines_) all += line + "\n";
      return all;
    }

   private:
    std::mutex mutex_;
    std::condition_variable added_;
    std::vector<std::string> lines_;
  };

  std::shared_ptr<spdlog::logger> before_;
  std::shared_ptr<Sink> sink_;
};

}  // namespace coerce::test
