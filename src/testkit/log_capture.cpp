#include "testkit/log_capture.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

namespace coerce::testkit::detail {

namespace {

thread_local std::vector<LogCapture*> captures;

LogLevel level_of(spdlog::level::level_enum level) noexcept {
  return static_cast<LogLevel>(std::min<int>(level, static_cast<int>(LogLevel::Critical)));
}

/// Stands in front of the sinks that the logger had.
class CapturingSink final : public spdlog::sinks::sink {
 public:
  explicit CapturingSink(std::vector<spdlog::sink_ptr> behind) : behind_(std::move(behind)) {}

  void log(const spdlog::details::log_msg& line) override {
    bool show = true;
    for (LogCapture* capture : captures) {
      show = show && capture->show;
      if (capture->lines.size() == LogCapture::kMostLines) capture->lines.pop_front();
      capture->lines.push_back(
          {level_of(line.level), std::string(line.payload.data(), line.payload.size())});
    }
    if (!show) return;
    for (const auto& each : behind_)
      if (each->should_log(line.level)) each->log(line);
  }
  void flush() override {
    for (const auto& each : behind_) each->flush();
  }
  void set_pattern(const std::string& pattern) override {
    for (const auto& each : behind_) each->set_pattern(pattern);
  }
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
    for (const auto& each : behind_) each->set_formatter(formatter->clone());
  }

 private:
  const std::vector<spdlog::sink_ptr> behind_;
};

/// The sinks of a logger must not change while it logs, so this happens once a logger.
void capture_default_logger() {
  static std::mutex mutex;
  const std::lock_guard guard(mutex);
  auto& sinks = spdlog::default_logger_raw()->sinks();
  if (sinks.size() == 1 && dynamic_cast<CapturingSink*>(sinks.front().get()) != nullptr) return;
  sinks = {std::make_shared<CapturingSink>(sinks)};
}

}  // namespace

LogCapture::LogCapture(bool show_too) : show(show_too) {
  capture_default_logger();
  captures.push_back(this);
}

LogCapture::~LogCapture() { std::erase(captures, this); }

}  // namespace coerce::testkit::detail
