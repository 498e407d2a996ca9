using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tokenizers;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tokenizers;

public class UnicodeNormalizationTests
{
    [Theory]
    [InlineData("NFC", NormalizationForm.FormC)]
    [InlineData("NFD", NormalizationForm.FormD)]
    [InlineData("NFKC", NormalizationForm.FormKC)]
    [InlineData("NFKD", NormalizationForm.FormKD)]
    public void Every_character_among_marks_is_normalized_as_by_an_independent_implementation(string name, NormalizationForm form)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var code = 0; code <= 0x10FFFF; code++)
        {
            if (!Rune.IsValid(code))
                continue;
            var c = char.ConvertFromUtf32(code);
            digest.AppendData(Encoding.UTF8.GetBytes(
                UnicodeNormalization.Normalize($"a{c}\u0301\u0323{c}\u1161\u11A8e\u0327{c}{c}\u3099", form)));
        }
        var golden = JsonNode.Parse(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Tokenizers", "golden", "normalization.json")))!;
        Assert.Equal((string)golden[name]!, Convert.ToHexStringLower(digest.GetHashAndReset()));
    }

    [Theory]
    [InlineData("e\u0301", "\u00E9")]
    [InlineData("\u1112\u1161\u11AB", "\uD55C")]
    [InlineData("a\u0323\u0301 \u212B", "\u1EA1\u0301 \u00C5")]
    [InlineData("plain", "plain")]
    public void Marks_are_put_in_order_and_joined(string text, string composed) =>
        Assert.Equal(composed, UnicodeNormalization.Normalize(text, NormalizationForm.FormC));
}
