using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Pedigree.Evolution;
using Spectre.Console;

namespace Pedigree.Cli;

/// <summary>Standard output: either one JSON document or words and tables.</summary>
internal sealed class Output
{
    /// <summary>So wide that nothing is wrapped where nobody watches.</summary>
    private const int WidthOfFiles = 10_000;

    private static readonly JsonSerializerOptions Indented = new(EventJson.Options)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly bool _json;
    private readonly IAnsiConsole _console;

    private Output(bool json)
    {
        _json = json;
        _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Out) });
        if (Console.IsOutputRedirected)
            _console.Profile.Width = WidthOfFiles;
    }

    public static Output Of(ParseResult parsed) => new(parsed.GetValue(Shared.Json));

    /// <summary>
    /// Prints <paramref name="document"/> as JSON if that was asked for, and lets <paramref name="words"/> print otherwise.
    /// </summary>
    public void Print<TDocument>(TDocument document, Action<IAnsiConsole> words)
    {
        if (_json)
            Console.Out.WriteLine(JsonSerializer.Serialize(document, Indented));
        else
            words(_console);
    }

    /// <summary>A plain table.</summary>
    public static Table Table(params (string Heading, bool Number)[] columns)
    {
        Table table = new Table { Border = TableBorder.Simple, UseSafeBorder = true };
        foreach ((string heading, bool number) in columns)
            table.AddColumn(
                new TableColumn(new Text(heading)) { NoWrap = true, Alignment = number ? Justify.Right : Justify.Left });
        return table;
    }

    /// <summary>A row of plain texts, in which nothing is markup.</summary>
    public static Table Row(Table table, params string[] cells) => table.AddRow(cells.Select(cell => new Text(cell)));
}
