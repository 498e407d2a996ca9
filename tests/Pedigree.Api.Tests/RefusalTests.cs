using System.Net.Sockets;
using System.Text;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

/// <summary>Every error is a problem document that names the field, and nothing is changed.</summary>
public sealed class RefusalTests(FinishedRun finished)
{
    [Theory]
    [InlineData("", "application/json", "line 1", "not JSON")]
    [InlineData("{\"base\": ", "application/json", "line 1", "not JSON")]
    [InlineData("base: [", "application/yaml", "line 2, column 1", "not YAML")]
    [InlineData("[]", "application/json", "line 1, column 1", "mapping")]
    [InlineData("base: here", "application/yaml", "line 1, column 1", "models")]
    [InlineData("{\"base\": 3}", "application/json", "base", "text")]
    public async Task A_body_that_is_no_spec_is_refused(string body, string type, string? field, string detail) =>
        Assert.Contains(detail, await Problem.OfAsync(await finished.Server.PostAsync(body, "r", type), 400, field));

    [Theory]
    [InlineData("strategy: {", "stratgy: {", "stratgy", "did you mean `strategy`?")]
    [InlineData("k: 3", "k: 4", "strategy.k", "use at most 3")]
    [InlineData("method: slerp", "method: slurp", "merge.method", "there is no method")]
    [InlineData("sort.yaml, limit: 6", "sort.yaml, limit: -6", "tasks[1].limit", "1 or more")]
    [InlineData("merge: {", "evaluator: lm_eval\nmerge: {", "evaluator", "offers: built-in")]
    [InlineData(
        "merge: {", "evaluator: { name: command, command: [touch, /tmp/owned] }\nmerge: {", "evaluator", "offers: built-in")]
    public async Task A_spec_that_is_wrong_names_the_field_and_what_would_be_right(
        string right, string wrong, string field, string detail)
    {
        Assert.Contains(detail,
            await Problem.OfAsync(await finished.Server.PostAsync(Samples.Spec().Replace(right, wrong), "r"), 400, field));
        Assert.False(Directory.Exists(Path.Combine(finished.Home, "runs", "r")));
    }

    [Fact]
    public async Task JSON_says_the_same_as_YAML()
    {
        string body = $$"""
            { "base": "{{Samples.Family}}/base", "models": { "sort": "{{Samples.Family}}/sort" }, "tasks": [], "merge": { "method": "slerp", "parameters": { "t": 0.5 } } }
            """;
        Assert.Contains(
            "two models", await Problem.OfAsync(await finished.Server.PostAsync(body, "r", "application/json"), 400, "models"));
    }

    [Theory]
    [InlineData("text/plain", "Content-Type")]
    [InlineData("multipart/form-data", "Content-Type")]
    [InlineData("application/json; charset=utf-16", "Content-Type")]
    public async Task Another_kind_of_content_is_refused(string type, string field)
    {
        StringContent content = new("{}");
        content.Headers.Remove("Content-Type");
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        await Problem.OfAsync(await finished.Client.PostAsync("/api/runs", content), 415, field);
    }

    [Theory]
    [InlineData("POST", "/replay?remrge=true", "remrge", "known: reevaluate, remerge")]
    [InlineData("POST", "/replay?remerge=maybe", "remerge", "true or false")]
    [InlineData("POST", "/suspend?because=tired", "because", "known: reason")]
    [InlineData("GET", "/kinship?measure=cosine", "measure", "nothing is asked for in the address")]
    [InlineData("GET", "/kinship?id=other", "id", "nothing is asked for in the address")]
    public async Task A_parameter_that_a_route_does_not_know_or_cannot_read_is_refused(
        string method, string rest, string field, string detail) =>
        Assert.Contains(detail, await Problem.OfAsync(
            await finished.Client.SendAsync(new HttpRequestMessage(new(method), $"/api/runs/small{rest}")), 400, field));

    [Fact]
    public async Task A_body_of_a_gigabyte_is_refused_before_any_of_it_is_sent()
    {
        // Not a byte of the body is ever sent: the answer and the end of the connection come all the same.
        string answer = await SayAsync("Content-Length: 1073741824", 0);
        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("at most 1000000 bytes", answer);
    }

    [Fact]
    public async Task A_body_that_does_not_say_how_large_it_is_is_read_no_further_than_allowed() =>
        Assert.StartsWith("HTTP/1.1 413 ", await SayAsync("Transfer-Encoding: chunked", 1_000_001), StringComparison.Ordinal);

    /// <summary>Begins a request whose body never ends, and reads until the server closes the connection.</summary>
    private async Task<string> SayAsync(string header, int bytes)
    {
        using TcpClient client = new();
        await client.ConnectAsync(finished.Server.Address.Host, finished.Server.Address.Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /api/runs HTTP/1.1\r\nHost: {finished.Server.Address.Authority}\r\nContent-Type: "
            + $"application/json\r\n{header}\r\n\r\n"));
        if (bytes > 0)
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{bytes:x}\r\n{new string(' ', bytes)}\r\n"));
        using StreamReader reader = new(stream);
        return await reader.ReadToEndAsync();
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("GET", "/events")]
    [InlineData("GET", "/lineage")]
    [InlineData("GET", "/kinship")]
    [InlineData("GET", "/report")]
    [InlineData("GET", "/models/1-1")]
    [InlineData("GET", "/models/1-1/config.json")]
    [InlineData("POST", "/suspend")]
    [InlineData("POST", "/resume")]
    [InlineData("POST", "/terminate")]
    [InlineData("POST", "/replay")]
    [InlineData("DELETE", "/history")]
    public async Task A_run_that_is_not_there_is_not_found_and_an_id_that_cannot_be_one_is_refused(string method, string route)
    {
        async Task<HttpResponseMessage> Ask(string id) =>
            await finished.Client.SendAsync(new(new(method), $"/api/runs/{id}{route}"));
        Assert.Contains("there is no run `nobody`", await Problem.OfAsync(await Ask("nobody"), 404, "id"));
        Assert.Contains("cannot name a run", await Problem.OfAsync(await Ask("a%2Fb"), 400, "id"));
        Assert.Contains("cannot name a run", await Problem.OfAsync(await Ask("..%2F..%2Fetc"), 400, "id"));
        Assert.Contains("cannot name a run", await Problem.OfAsync(await Ask("a%20b"), 400, "id"));
        string detail = await Problem.OfAsync(await Ask(new string('a', 10_000)), 400, "id");
        Assert.InRange(detail.Length, 1, 500);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("a\nb")]
    [InlineData("")]
    public async Task A_new_run_cannot_have_an_id_that_would_climb(string id) =>
        Assert.Contains(
            "cannot name a run", await Problem.OfAsync(await finished.Server.PostAsync(Samples.Spec(), id), 400, "run"));

    [Fact]
    public async Task A_new_run_cannot_have_an_id_of_ten_thousand_letters() =>
        Assert.Contains("at most 64",
            await Problem.OfAsync(await finished.Server.PostAsync(Samples.Spec(), new string('a', 10_000)), 400, "run"));

    [Fact]
    public async Task Another_spec_under_the_same_id_is_a_conflict_that_names_the_field_and_the_same_spec_is_the_same_run()
    {
        Assert.Contains("was begun with \"kinship\"",
            await Problem.OfAsync(await finished.Server.PostAsync(Samples.Spec(strategy: "greedy"), "small"), 409,
                "strategy.name"));
        string log = File.ReadAllText(Path.Combine(finished.Home, "runs", "small", "events.jsonl"));
        using HttpResponseMessage same = await finished.Server.PostAsync(Samples.Spec(), "small");
        Assert.Equal(202, (int)same.StatusCode);
        Assert.EndsWith("/api/runs/small", same.Headers.Location!.ToString());
        Assert.Equal(log, File.ReadAllText(Path.Combine(finished.Home, "runs", "small", "events.jsonl")));
    }

    [Theory]
    [InlineData("suspend")]
    [InlineData("resume")]
    [InlineData("terminate")]
    public async Task A_finished_run_takes_no_more_orders(string order) =>
        Assert.Contains(
            "is over", await Problem.OfAsync(await finished.Client.PostAsync($"/api/runs/small/{order}", null), 409, "run"));

    [Theory]
    [InlineData("/api/runs/small/models/9-9/config.json", "name")]
    [InlineData("/api/runs/small/models/sort/secrets.txt", "file")]
    [InlineData("/api/runs/small/models/1-1/..%2F..%2F..%2Fruns%2Fsmall%2Fevents.jsonl", "file")]
    [InlineData("/api/runs/small/models/1-1/%2e%2e%2f%2e%2e%2fscores", "file")]
    [InlineData("/api/runs/small/models/1-1/%2Fetc%2Fpasswd", "file")]
    [InlineData("/api/runs/small/models/1-1/a/b", "file")]
    [InlineData("/api/runs/small/models/..%2F..%2Fsmall/events.jsonl", "name")]
    public async Task A_file_that_is_none_of_the_model_is_not_found_however_its_name_climbs(string path, string field) =>
        await Problem.OfAsync(await finished.Client.GetAsync(path), 404, field);

    [Theory]
    [InlineData("GET", "/api/nothing", 404)]
    [InlineData("GET", "/api/runs/small/nothing", 404)]
    [InlineData("GET", "/api/runs/a/b/c/d", 404)]
    [InlineData("PUT", "/api/runs/small", 405)]
    [InlineData("GET", "/api/runs/small/suspend", 405)]
    public async Task What_is_no_route_is_a_problem_document_too(string method, string path, int status) =>
        Assert.Contains(
            "/openapi/v1.json", await Problem.OfAsync(await finished.Client.SendAsync(new(new(method), path)), status, null));

    [Fact]
    public async Task A_store_that_cannot_be_written_now_is_no_fault_of_who_asks()
    {
        using TemporaryFolder folder = new();
        await using TestServer server = await TestServer.StartAsync(folder["store"]);
        Directory.Delete(folder["store"], recursive: true);
        File.WriteAllText(folder["store"], "");
        Assert.Contains("could not be written", await Problem.OfAsync(await server.PostAsync(Samples.Spec(), "r"), 503, null));
    }

    [Fact]
    public async Task A_reason_is_one_short_line()
    {
        await Problem.OfAsync(
            await finished.Client.PostAsync($"/api/runs/small/suspend?reason={new string('a', 201)}", null), 400, "reason");
        await Problem.OfAsync(await finished.Client.PostAsync("/api/runs/small/suspend?reason=a%0Ab", null), 400, "reason");
    }

    [Fact]
    public async Task A_damaged_log_is_named_by_line_and_hides_no_other_run()
    {
        using TemporaryFolder folder = new();
        TemporaryFolder.Copy(finished.Home, folder["store"]);
        TemporaryFolder.Copy(Path.Combine(finished.Home, "runs", "small"), Path.Combine(folder["store"], "runs", "other"));
        await using TestServer server = await TestServer.StartAsync(folder["store"]);
        await Problem.OfAsync(await server.Client.GetAsync("/api/runs/other"), 500, "line 1");
        var runs = (await server.GetAsync("/api/runs")).AsArray();
        Assert.Equal(["other", "small"], runs.Select(run => (string)run!["id"]!));
        Assert.Equal("line 1", (string?)runs[0]!["error"]!["field"]);
        Assert.Equal("failed", (string?)runs[0]!["status"]);
        Assert.Equal("completed", (string?)runs[1]!["status"]);
    }

    [Fact]
    public async Task A_damaged_order_hides_no_other_run_and_a_damaged_last_line_is_named_by_the_events()
    {
        using TemporaryFolder folder = new();
        TemporaryFolder.Copy(finished.Home, folder["store"]);
        string run = Path.Combine(folder["store"], "runs", "small");
        TemporaryFolder.Copy(run, Path.Combine(folder["store"], "runs", "other"));
        File.WriteAllText(Path.Combine(folder["store"], "runs", "other", "order.json"), "{");
        int lines = File.ReadAllLines(Path.Combine(run, "events.jsonl")).Length;
        File.AppendAllText(Path.Combine(run, "events.jsonl"), "{\"type\":\n");
        await using TestServer server = await TestServer.StartAsync(folder["store"]);
        var runs = (await server.GetAsync("/api/runs")).AsArray();
        Assert.Equal(["failed", "failed"], runs.Select(line => (string)line!["status"]!));
        Assert.Contains("order.json", (string?)runs[0]!["error"]!["detail"]);
        foreach (string accept in (string[])["application/x-ndjson", "text/event-stream"])
        {
            using HttpRequestMessage request = new(HttpMethod.Get, "/api/runs/small/events")
            {
                Headers = { { "Accept", accept } },
            };
            Assert.Contains(
                "events.jsonl", await Problem.OfAsync(await server.Client.SendAsync(request), 500, $"line {lines + 1}"));
        }
        // What comes after the last event does not keep a stream open.
        File.WriteAllLines(Path.Combine(run, "events.jsonl"),
            File.ReadAllLines(Path.Combine(run, "events.jsonl"))[..lines].Append("{\"type\":\"x\"}"));
        Assert.EndsWith("{\"type\":\"x\"}\n\n", await (await server.StreamAsync("small")).Content.ReadAsStringAsync());
    }
}
