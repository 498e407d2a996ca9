using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tokenizers;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tokenizers;

/// <summary>Hard texts, beside what Hugging Face's own tokenizers make of them (golden/make_golden.js).</summary>
public class TokenizerGoldenTests
{
    private static readonly JsonArray Golden =
        JsonNode.Parse(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Tokenizers", "golden", "golden.json")))!.AsArray();

    public static TheoryData<string> Names => [.. Golden.Select(entry => (string)entry!["name"]!)];

    [Theory, MemberData(nameof(Names))]
    public void Ids_and_texts_equal_those_of_an_independent_implementation(string name)
    {
        var golden = Golden.Single(entry => (string)entry!["name"]! == name)!;
        using var folder = new TinyFolder();
        folder.File("tokenizer.json", golden["file"]!.ToJsonString());
        var tokenizer = TokenizerLoader.Open(folder.Path);
        foreach (var entry in golden["texts"]!.AsArray())
        {
            if ((string?)entry!["text"] is { } text)
            {
                int[] ids = [.. entry["ids"]!.AsArray().Select(id => (int)id!)];
                Assert.Equal((text, string.Join(' ', ids)), (text, string.Join(' ', tokenizer.Encode(text, true))));
                Assert.Equal((string)entry["decoded"]!, tokenizer.Decode(ids));
                continue;
            }
            var found = tokenizer.Encode(string.Concat(Enumerable.Repeat((string)entry["unit"]!, (int)entry["times"]!)), true);
            Assert.Equal(((string)entry["unit"]!, (int)entry["count"]!), ((string)entry["unit"]!, found.Length));
            Assert.Equal((string)entry["digest"]!,
                Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Join(' ', found)))));
        }
    }
}
