// expect: coerce: GCC 12 destroys an aggregate or lambda temporary twice
// compiler: gcc12
// A builder is awaited with everything that was chained into it.
#include <coerce/remote.hpp>

#include <string>

coerce::Task<bool> build(std::string name) {
  auto node = co_await coerce::RemoteActorSystem::builder()
                  .with_id(1)
                  .with_handlers([name](coerce::RemoteHandlers&) {})
                  .build();
  co_return node.has_value();
}
