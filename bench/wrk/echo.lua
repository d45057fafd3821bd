-- 1 KiB to be echoed
wrk.method = "POST"
wrk.headers["content-type"] = "application/octet-stream"
wrk.body = string.rep("x", 1024)
