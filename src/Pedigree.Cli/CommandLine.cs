using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Pedigree.Cli.Commands;
using Pedigree.Evolution;
using Pedigree.Weights;
using Pedigree.Weights.Configuration;

namespace Pedigree.Cli;

/// <summary>All verbs, what they share, and how an error becomes a line and an exit code.</summary>
internal static partial class CommandLine
{
    private const int Failed = 1;
    private const int AskedWrongly = 2;

    public static async Task<int> InvokeAsync(string[] arguments)
    {
        RootCommand root = Root();
        ParseResult parsed = root.Parse(arguments);
        // A misspelt option is taken for an argument where one is still wanted.
        if (parsed.Action is not HelpWithExamples && parsed.Tokens.FirstOrDefault(IsUnknownOption) is { } option)
            return Refuse(parsed, Unknown(parsed, option.Value));
        if (parsed.Action is ParseErrorAction)
            return Refuse(parsed, parsed.UnmatchedTokens.Count > 0
                ? Unknown(parsed, parsed.UnmatchedTokens[0])
                : Readable(parsed.Errors[0].Message));
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                // A merge or an evaluation ends at its next block; the log is then closed in good order.
                ProcessTerminationTimeout = TimeSpan.FromMinutes(1),
            });
        }
        catch (Exception error)
        {
            return Report(error, parsed);
        }
    }

    private static RootCommand Root()
    {
        RootCommand root = new("Evolves language models by merging them, guided by model kinship, and records every decision.")
        {
            DemoCommand.Create(), RunCommand.Create(), RunsCommand.Create(), ShowCommand.Create(), ReplayCommand.Create(),
            ReportCommand.Create(), StopCommand.Create(), MergeCommand.Create(), KinshipCommand.Create(), EvalCommand.Create(),
            FamilyCommand.Create(), ServeCommand.Create(),
        };
        root.Options.Add(Shared.Json);
        root.Options.Add(Shared.Verbose);
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }

    private static int Report(Exception error, ParseResult parsed)
    {
        string line = error is not OperationCanceledException ? error.Message
            : parsed.CommandResult.Command is Verb { Resumes: true }
                ? "interrupted; nothing that was finished is lost: the same command goes on from there"
            : "interrupted; nothing was written";
        string clear = Console.IsErrorRedirected ? "" : "\r\e[K";
        Console.Error.WriteLine(clear + (parsed.GetValue(Shared.Verbose) ? error.ToString() : $"pedigree: {OneLine(line)}"));
        return error is BadInputException or InvalidSpecException ? AskedWrongly : Failed;
    }

    private static bool IsUnknownOption(Token token) =>
        token.Type == TokenType.Argument && token.Value.StartsWith("--", StringComparison.Ordinal) && token.Value.Length > 2;

    private static string Unknown(ParseResult parsed, string word)
    {
        Command command = parsed.CommandResult.Command;
        IEnumerable<string> known = word.StartsWith('-')
            ? command.Options.Concat([Shared.Json, Shared.Verbose]).Select(option => option.Name)
            : command.Subcommands.Select(verb => verb.Name);
        return $"`{word}` is not known here{(Nearest.To(word, known) is { } nearest ? $"; did you mean `{nearest}`?" : "")}";
    }

    private static int Refuse(ParseResult parsed, string message)
    {
        Console.Error.WriteLine($"pedigree: {OneLine(message)} (see `{Shared.PathOf(parsed.CommandResult.Command)} --help`)");
        return AskedWrongly;
    }

    /// <summary>The parser's own words, without .NET's names of types.</summary>
    private static string Readable(string message) => TypeOfArgument().Replace(message, type => type.Value switch
    {
        var name when name.Contains("System.Int", StringComparison.Ordinal) => "; it must be a whole number",
        var name when name.Contains("System.Double", StringComparison.Ordinal) => "; it must be a number",
        var name when name.Contains("System.Boolean", StringComparison.Ordinal) => "; it must be true or false",
        _ => "",
    });

    [GeneratedRegex(@" as expected type '.*'\.?$")]
    private static partial Regex TypeOfArgument();

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
