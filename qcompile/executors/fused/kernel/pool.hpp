// Threads that sleep between calls: to start one takes as long as a small circuit.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace qcompile {
namespace {

class Pool {
  public:
    // body() on this thread, and on up to `others` more that come in time; returns when all have ended.
    // A call that finds the threads at work for another one does without.
    template <class Body> static void run(std::int64_t others, Body &body) {
        if (others < 1)
            return body();
        Pool &pool = current();
        const std::unique_lock<std::mutex> alone(pool.alone_, std::try_to_lock);
        if (!alone)
            return body();
        pool.offer(others, [](void *it) { (*static_cast<Body *>(it))(); }, &body);
        body();
        pool.finish();
    }

  private:
    // Never destroyed, since its threads wait on it until the process ends.
    static Pool *&place() {
        static Pool *pool = made();
        return pool;
    }

    static Pool &current() { return *place(); }

    // A process that was forked has none of the threads, and the locks as they were.
    static Pool *made() {
#if !defined(_WIN32)
        pthread_atfork(nullptr, nullptr, [] { place() = new Pool; });
#endif
        return new Pool;
    }

    void offer(std::int64_t others, void (*body)(void *), void *argument) {
        const std::lock_guard<std::mutex> lock(mutex_);
        try {
            for (; threads_ < others; ++threads_)
                std::thread([this] { serve(); }).detach();
        } catch (const std::system_error &) {
            // Those that could be started, and this one, do all of it.
        }
        body_ = body;
        argument_ = argument;
        wanted_ = others;
        wake_.notify_all();
    }

    void finish() {
        std::unique_lock<std::mutex> lock(mutex_);
        wanted_ = 0;
        ended_.wait(lock, [this] { return running_ == 0; });
    }

    void serve() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return wanted_ > 0; });
            --wanted_;
            ++running_;
            lock.unlock();
            body_(argument_);
            lock.lock();
            if (--running_ == 0)
                ended_.notify_one();
        }
    }

    std::mutex alone_, mutex_;
    std::condition_variable wake_, ended_;
    std::int64_t threads_ = 0, wanted_ = 0, running_ = 0;
    void (*body_)(void *) = nullptr;
    void *argument_ = nullptr;
};

} // namespace
} // namespace qcompile
